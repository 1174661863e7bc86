"""The page of one example: its text, the answers of all models of the pair, and origins of labels."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from training.spec import GROUND_TRUTH
from training.spec.methods import ROW_METHODS
from training.storage.artifacts import Store
from webapp.charts.numbers import rate
from webapp.explorer.cells import Matrix
from webapp.explorer.finished_models import Model, Triplet
from webapp.explorer.marked_text import sides_of
from webapp.explorer.open_view import OpenView
from webapp.explorer.titles import ROLES, Subject, proposer
from webapp.findings.wording import lower, short_model
from webapp.notes import queries as notes
from webapp.notes.models import REPORT, Note, Tag


@dataclass(frozen=True)
class Verdict:
    """The answer of one run."""

    model: Model
    label: str
    right: bool
    chosen: bool
    prob: float
    """The probability that is drawn, or the log-probability of a written answer."""

    @property
    def value(self) -> str:
        return rate(self.prob, 2)


@dataclass(frozen=True)
class Lane:
    """One role of the pair, for students one method, over its seeds."""

    title: str
    token: str
    verdicts: list[Verdict]

    @property
    def mean(self) -> str:
        return rate(float(np.mean([verdict.prob for verdict in self.verdicts])), 2)

    @property
    def right(self) -> str:
        return f"{sum(verdict.right for verdict in self.verdicts)} of {len(self.verdicts)}"


class ExamplePage(Subject):
    """The page, read in its constructor. Raises LookupError for an example without predictions of the view's models."""

    def __init__(self, opened: OpenView, example: int) -> None:
        row = opened.slice.example(example)
        if row is None:
            raise LookupError(example)
        super().__init__(opened)
        self.opened, self.example = opened, row
        self.store: Store = opened.source.store
        self.text, self.text_b = sides_of(*opened.slice.texts([row.row], whole=True)[row.row])
        self.inside = opened.slice.holds(row)
        self.rows = opened.summary.measures.rows
        self.place = opened.slice.place(row) + 1
        self.before, self.after = opened.slice.neighbours(row)
        self.cell = Matrix(opened.summary.cells, self.view, self.triplet, self.titles, self.classes).cells[row.cell - 1]
        self.tags: list[Tag] = notes.tags_of(opened.fingerprint, [example]).get(example, [])
        self.notes: list[Note] = list(notes.notes_of(opened.fingerprint, example))
        hidden = {tag.name for tag in self.tags} | {REPORT}
        self.offered = [name for name, _ in notes.names(opened.fingerprint) if name not in hidden]
        self.report_author = proposer(self.tags)

    @property
    def where(self) -> str:
        """The label of the example's cell, such as “corrected, ceiling right”."""
        return self.cell.label

    # The answers of all models of the pair.

    @cached_property
    def _triplets(self) -> list[Triplet]:
        return self.opened.finished.of_pair(self.triplet)

    @cached_property
    def lanes(self) -> list[Lane]:
        lanes: dict[tuple[str, int], dict[str, Model]] = {}
        for role in ROLES:
            for triplet in self._triplets:
                model: Model = getattr(triplet, role)
                lanes.setdefault((model.role, -1 if model.method is None else model.method), {})[model.key] = model
        return [self._lane(list(models.values())) for models in lanes.values()]

    def _lane(self, models: list[Model]) -> Lane:
        first = models[0]
        how = f", {lower(self.names.methods[first.method])}" if first.method is not None else ""
        title = {"weak": "Weak supervisor", "ceiling": "Strong ceiling"}.get(first.role, "Student") + how
        verdicts = [verdict for model in models if (verdict := self._verdict(model))]
        return Lane(title, self.names.style(first).token, verdicts)

    def _verdict(self, model: Model) -> Verdict | None:
        """Return the answer, or None where the example is in another part of the split of that seed."""
        raise NotImplementedError

    @property
    def seeds(self) -> list[tuple[int, list[Verdict | None]]]:
        """A row per seed, a column per lane."""
        numbers = sorted({verdict.model.seed for lane in self.lanes for verdict in lane.verdicts})
        return [
            (seed, [next((verdict for verdict in lane.verdicts if verdict.model.seed == seed), None) for lane in self.lanes])
            for seed in numbers
        ]

    # Origins of labels.

    @property
    def lineage(self) -> list[tuple[str, Model, str]]:
        """The title, the model and a sentence on its training, for each of the three."""
        lines = []
        runs = {model.key: model for model in self.opened.finished.models}
        for title, model in zip(self.titles, self.triplet.all, strict=True):
            spec = model.spec
            supervisor = runs.get(spec.labels)
            by = f"run {supervisor.run.pk}" if supervisor and supervisor.run.pk else f"the run with key {spec.labels[:12]}"
            labels = "ground truth" if spec.labels == GROUND_TRUTH else f"the labels of {by}"
            if spec.start is not None:
                labels += f", after weak labels in the run with key {spec.start[:12]},"
            learned = f"learned from {labels} on half {spec.half}"
            if spec.derives:
                made = "given from outside" if spec.given else "made of other runs’"
                learned = "prompted, nothing learned" if spec.prompts else f"nothing learned: labels {made}"
            words = f"{short_model(model.name)}, {learned}, seed {spec.seed}{self._step(model)}"
            lines.append((title, model, words))
        return lines

    @property
    def part(self) -> str:
        """The part of the data that the example is in, and its use by the three."""
        if self.view.split == "test":
            return "It is in the test set: none of them has learned from it."
        text = (
            "It is in half B: the supervisor labelled it and has not learned from it. The student learned from that label, the "
            "ceiling from the gold one, unless it is a validation row, which is only looked at."
        )
        student = self.triplet.student.spec
        if isinstance(student.method, ROW_METHODS) or student.labels != self.triplet.weak.key:
            text += " The student’s method may have left it out, or taught it another label."
        return text

    @property
    def facts(self) -> list[tuple[str, str]]:
        flip = self.example.flip
        return [
            ("Example", str(self.example.id)),
            ("Group", str(self.example.group)),
            *([("Words", f"{self.example.length:,}")] if self.worded else []),
            *self._own_facts,
            *([("Leaves the supervisor from step", f"{flip:,}")] if flip is not None else []),
            ("Data set", self.opened.fingerprint),
        ]

    @property
    def _own_facts(self) -> list[tuple[str, str]]:
        """The facts of the example's kind."""
        return []

    def _step(self, model: Model) -> str:
        """Return the step that the run's stop rule selected, in words."""
        ending = self.opened.finished.source.ending(model.run)
        return f", read at step {ending.selected_step:,} of {ending.last_step:,}" if ending else ""
