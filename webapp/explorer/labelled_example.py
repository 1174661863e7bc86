"""The page of an example with a label: the probabilities of all models of the pair, and trajectories of students."""

from collections.abc import Callable
from functools import cache, cached_property
from typing import Any

import numpy as np

from training.storage.predictions import Predictions
from webapp.charts.numbers import rate
from webapp.charts.trajectory import Level, Path, trajectory_chart
from webapp.example_queries.answers import answers, flips
from webapp.example_queries.rows import Labelled
from webapp.explorer.example import ExamplePage, Verdict
from webapp.explorer.finished_models import Model, Triplet


class LabelledPage(ExamplePage):
    example: Labelled

    @property
    def gold(self) -> str:
        return self.class_name(self.example.gold)

    @cached_property
    def _predicted(self) -> Callable[[str], Predictions | None]:
        """Return the function from a run's key to its prediction, read once: a supervisor has as many students as methods."""
        return cache(lambda key: self.store.read_example(key, self.example.id))

    def _verdict(self, model: Model) -> Verdict | None:
        """Return the answer, or None where the example is in another part of the split of that seed."""
        predictions = self._predicted(model.key)
        if predictions is None or str(predictions.split[0]) != self.view.split:
            return None
        answer = answers(predictions)
        label = int(answer.label[0])
        chosen = model in self.triplet.all
        return Verdict(model, self.class_name(label), label == self.example.gold, chosen, float(answer.prob[0]))

    @property
    def _own_facts(self) -> list[tuple[str, str]]:
        return [("|student − supervisor|", rate(self.example.shift))]

    # Trajectories of students.

    @cached_property
    def chart(self) -> dict[str, Any] | None:
        """The chart of trajectories; None for an example of half B, since trajectories are of the test set."""
        if self.view.split != "test":
            return None
        paths = [path for triplet in self._triplets if (path := self._path(triplet))]
        if not any(path.bold for path in paths):
            return None
        three = zip(self.triplet.all, self.titles, self.example.said.values(), strict=True)
        levels = [Level(title, self.names.style(model), said.prob) for model, title, said in three if model.role != "student"]
        return trajectory_chart(paths, levels, self.side(self.example.gold), self.of)

    def _path(self, triplet: Triplet) -> Path | None:
        """Return a student's line, and the step at which it leaves its own supervisor's label."""
        try:
            path = self.store.read_path(triplet.student.key, self.example.id)
            weak = self._predicted(triplet.weak.key)
        except FileNotFoundError:
            return None
        if path is None or weak is None:
            return None
        flip = int(flips(path, np.array([0]), answers(weak).label)[0])
        bold = triplet.student.seed == self.triplet.student.seed
        title = self.names.shorts[triplet.student.method or 0]
        style = self.names.style(triplet.student)
        return Path(title, style, path.steps.tolist(), path.prob[:, 0].tolist(), bold, None if flip < 0 else flip)
