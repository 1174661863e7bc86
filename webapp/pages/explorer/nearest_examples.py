"""What the student learned from that is most like an example, and what the supervisor said of it."""

from dataclasses import dataclass

import numpy as np

from webapp.charts.numbers import rate
from webapp.example_queries.answers import answers
from webapp.example_queries.nearest import features_of, nearest
from webapp.explorer.open_view import OpenView
from webapp.explorer.titles import Subject

SHOWN = 240
"""Characters of a text."""


@dataclass(frozen=True)
class Taught:
    id: int
    text: str
    likeness: str
    gold: str
    said: str
    prob: str
    right: bool


class Nearby(Subject):
    """``lines`` is empty where ``missing`` says why."""

    def __init__(self, opened: OpenView, example: int) -> None:
        super().__init__(opened)
        self.missing, self.lines = "", list[Taught]()
        student, store = opened.triplet.student, opened.source.store
        features = features_of(student.spec, store)
        if features is None:
            self.missing = "Only probes have frozen features that are kept; this student has none."
            return
        labels = store.read_predictions(opened.triplet.weak.key).part("transfer")
        dataset = opened.source.dataset
        try:
            found = nearest(features, dataset, example, labels.id[labels.id != example])
        except LookupError:
            self.missing = "The stored features belong to other examples."
            return
        texts = opened.slice.texts_by_id([one.id for one in found], SHOWN)
        place = {int(one): at for at, one in enumerate(labels.id)}
        for near in found:
            one = labels.take(np.array([place[near.id]]))
            said = answers(one)
            label, gold = int(said.label[0]), int(one.gold[0])
            words = self.class_name(gold), self.class_name(label)
            prob = rate(float(said.prob[0]), 2)
            self.lines.append(Taught(near.id, texts[near.id], rate(near.likeness, 2), *words, prob, label == gold))
