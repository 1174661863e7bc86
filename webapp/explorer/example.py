"""The page of one example: its text, what every model of the pair says, how students came to it, and where labels are from."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from training.spec import GROUND_TRUTH
from training.spec.methods import ROW_METHODS
from training.storage.artifacts import Store
from webapp.charts.numbers import rate
from webapp.charts.trajectory import Level, Path, trajectory_chart
from webapp.example_queries.answers import answers, drawn, flips
from webapp.explorer.cells import Matrix
from webapp.explorer.finished_models import Model, Triplet
from webapp.explorer.marked_text import sides_of
from webapp.explorer.open_view import OpenView
from webapp.explorer.titles import ROLES, Subject, proposer
from webapp.findings.wording import lower, short_model
from webapp.notes import queries as notes
from webapp.notes.models import REPORT, Note, Tag

CHART = "trajectory-chart"


@dataclass(frozen=True)
class Verdict:
    """What one run says."""

    model: Model
    prob: float
    label: str
    right: bool
    chosen: bool

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
        return rate(float(np.mean([one.prob for one in self.verdicts])), 2)

    @property
    def right(self) -> str:
        return f"{sum(one.right for one in self.verdicts)} of {len(self.verdicts)}"


class ExamplePage(Subject):
    """Reads all that it shows when it is made. Raises LookupError for an example that the view's models have not seen."""

    def __init__(self, opened: OpenView, example: int) -> None:
        found = opened.slice.example(example)
        if found is None:
            raise LookupError(example)
        super().__init__(opened)
        self.opened, self.example = opened, found
        self.store: Store = opened.source.store
        self.one, self.other = sides_of(*opened.slice.texts([found.row], whole=True)[found.row])
        self.inside = opened.slice.holds(found)
        self.rows = opened.summary.measures.rows
        self.place = opened.slice.place(found) + 1
        self.before, self.after = opened.slice.neighbours(found)
        self.cell = Matrix(opened.summary.cells, self.view, self.triplet, self.titles, self.classes).cells[found.cell - 1]
        self.tags: list[Tag] = notes.tags_of(opened.fingerprint, [example]).get(example, [])
        self.notes: list[Note] = list(notes.notes_of(opened.fingerprint, example))
        hidden = {tag.name for tag in self.tags} | {REPORT}
        self.offered = [name for name, _ in notes.names(opened.fingerprint) if name not in hidden]
        self.report_author = proposer(self.tags)

    @property
    def gold(self) -> str:
        return self.class_name(self.example.gold)

    @property
    def where(self) -> str:
        """The cell that the example is in: corrected, ceiling right."""
        return self.cell.label

    # What every model of the pair says.

    @cached_property
    def _triplets(self) -> list[Triplet]:
        pair = self.triplet.weak.name, self.triplet.student.name
        found = [triplet for triplet in self.opened.finished.triplets if (triplet.weak.name, triplet.student.name) == pair]
        return found if self.triplet in found else [self.triplet, *found]

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
        verdicts = [one for model in models if (one := self._verdict(model))]
        return Lane(title, self.names.appearance(first).token, verdicts)

    def _verdict(self, model: Model) -> Verdict | None:
        """None where the example is in another part of the split of that seed."""
        said = self.store.read_example(model.key, self.example.id)
        if said is None or str(said.split[0]) != self.view.split:
            return None
        one = answers(said)
        label = int(one.label[0])
        chosen = model in self.triplet.all
        return Verdict(model, float(one.prob[0]), self.class_name(label), label == self.example.gold, chosen)

    @property
    def seeds(self) -> list[tuple[int, list[Verdict | None]]]:
        """A row per seed, a column per lane."""
        numbers = sorted({one.model.seed for lane in self.lanes for one in lane.verdicts})
        return [
            (seed, [next((one for one in lane.verdicts if one.model.seed == seed), None) for lane in self.lanes])
            for seed in numbers
        ]

    # How students came to it.

    @cached_property
    def chart(self) -> dict[str, Any] | None:
        """None of an example of half B: trajectories are of the test set."""
        if self.view.split != "test":
            return None
        paths = [path for triplet in self._triplets if (path := self._path(triplet))]
        if not any(path.bold for path in paths):
            return None
        three = zip(self.triplet.all, self.titles, self.example.said.values(), strict=True)
        levels = [Level(title, self.names.appearance(one), said.prob) for one, title, said in three if one.role != "student"]
        return trajectory_chart(paths, levels, self.side(self.example.gold), self.of)

    def _path(self, triplet: Triplet) -> Path | None:
        """A student's line, and where it leaves what its own supervisor says."""
        try:
            path = self.store.read_path(triplet.student.key, self.example.id)
            weak = self.store.read_example(triplet.weak.key, self.example.id)
        except FileNotFoundError:
            return None
        if path is None or weak is None:
            return None
        flip = int(flips(path, np.array([0]), answers(weak).label)[0])
        bold = triplet.student.seed == self.triplet.student.seed
        title = self.names.shorts[triplet.student.method or 0]
        appearance = self.names.appearance(triplet.student)
        prob = drawn(path.prob[:, 0], np.full(len(path.steps), self.example.gold))
        return Path(title, appearance, path.steps.tolist(), prob.tolist(), bold, None if flip < 0 else flip)

    # Where labels are from.

    @property
    def lineage(self) -> list[tuple[str, Model, str]]:
        """For each of the three: who it is, and what it has learned from."""
        said = []
        runs = {model.key: model for model in self.opened.finished.models}
        for title, model in zip(self.titles, self.triplet.all, strict=True):
            spec = model.spec
            teacher = runs.get(spec.labels)
            by = f"run {teacher.run.pk}" if teacher and teacher.run.pk else f"the run with key {spec.labels[:12]}"
            labels = "ground truth" if spec.labels == GROUND_TRUTH else f"the labels of {by}"
            if spec.start is not None:
                labels += f", after weak labels in the run with key {spec.start[:12]},"
            learned = f"learned from {labels} on half {spec.half}"
            if spec.derives:
                learned = "prompted, nothing learned" if spec.prompts else "nothing learned: labels made of other runs’"
            words = f"{short_model(model.name)}, {learned}, seed {spec.seed}{self._step(model)}"
            said.append((title, model, words))
        return said

    @property
    def part(self) -> str:
        """What this example was to the three."""
        if self.view.split == "test":
            return "It is in the test set: none of them has learned from it."
        told = (
            "It is in half B: the supervisor labelled it and has not learned from it. The student learned from that label, the "
            "ceiling from the gold one, unless it is a validation row, which is only looked at."
        )
        student = self.triplet.student.spec
        if isinstance(student.method, ROW_METHODS) or student.labels != self.triplet.weak.key:
            told += " The student’s method may have left it out, or taught it another label."
        return told

    @property
    def facts(self) -> list[tuple[str, str]]:
        flip = self.example.flip
        return [
            ("Example", str(self.example.id)),
            ("Group", str(self.example.group)),
            ("Words", f"{self.example.length:,}"),
            ("|student − supervisor|", rate(self.example.shift)),
            *([("Leaves the supervisor from step", f"{flip:,}")] if flip is not None else []),
            ("Data set", self.opened.fingerprint),
        ]

    def _step(self, model: Model) -> str:
        """The step that the run's stop rule chose."""
        ending = self.opened.finished.source.ending(model.run)
        return f", read at step {ending.selected_step:,} of {ending.last_step:,}" if ending else ""
