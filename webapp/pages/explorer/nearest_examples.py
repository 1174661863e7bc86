"""The examples of the student's training set that are most similar to an example, with their weak labels."""

from dataclasses import dataclass

from webapp.charts.numbers import rate
from webapp.example_queries.answers import answers
from webapp.example_queries.nearest import features_of, nearest
from webapp.explorer.open_view import OpenView
from webapp.explorer.titles import Subject

SHOWN = 240
"""Longest text, in characters."""


@dataclass(frozen=True)
class Similar:
    id: int
    text: str
    likeness: str
    gold: str
    said: str
    prob: str
    right: bool


class Nearby(Subject):
    """Similar examples; ``lines`` is empty if ``missing`` has a reason."""

    def __init__(self, opened: OpenView, example: int) -> None:
        super().__init__(opened)
        self.missing, self.lines = "", list[Similar]()
        student, store = opened.triplet.student, opened.source.store
        features = None if self.written else features_of(student.spec, store)
        if features is None:
            self.missing = "Only probes have stored features; this student has none."
            return
        weak, dataset = opened.triplet.weak.key, opened.source.dataset
        ids = store.read_ids(weak, "transfer")
        try:
            neighbours = nearest(features, dataset, example, ids[ids != example])
        except LookupError:
            self.missing = "The stored features belong to other examples."
            return
        texts = opened.slice.texts_by_id([neighbour.id for neighbour in neighbours], SHOWN)
        labels = store.read_examples(weak, [near.id for near in neighbours])
        said = answers(labels)
        columns = said.label.tolist(), labels.gold.tolist(), said.prob.tolist()
        for near, label, gold, prob in zip(neighbours, *columns, strict=True):
            words = self.class_name(gold), self.class_name(label)
            self.lines.append(Similar(near.id, texts[near.id], rate(near.likeness, 2), *words, rate(prob, 2), label == gold))
