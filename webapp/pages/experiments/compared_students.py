"""The students of compared experiments as one table: accuracies, PGR or its state, and differences from a baseline."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from django.urls import reverse

from training.metrics.intervals import holm
from training.metrics.results import Contrast, Group, Outcome
from webapp.charts.styles import student_styles
from webapp.experiments.models import Experiment
from webapp.findings.comparing import Comparison
from webapp.findings.number_table import EMPTY, Cell, Column, NumberTable, difference, p_value, plain, share, whole_number, word
from webapp.findings.paired_differences import Reader, Reason, contrast
from webapp.findings.pairs import Pair, pairs_of
from webapp.findings.wording import count, dataset_title, lower, method_titles, sources

MOST_ROWS = 200
"""Students in the table; further ones are left out, and the page says so."""


@dataclass(frozen=True)
class Student:
    """The students of one method and pair of an experiment, over seeds."""

    experiment: Experiment
    pair: Pair
    title: str
    kind: str
    group: Group
    outcomes: list[Outcome]
    own: Contrast | None
    """The difference from the baseline of its own experiment and pair."""
    baseline: bool
    """True for that baseline."""

    @property
    def id(self) -> str:
        return f"{self.experiment.pk}.{self.pair.index}.{self.group.method_index}"

    @property
    def label(self) -> str:
        return f"#{self.experiment.pk} {self.title}, {self.pair.title}"


def students_of(comparison: Comparison) -> list[Student]:
    students = []
    for experiment, spec, result in zip(comparison.experiments, comparison.specs, comparison.results, strict=True):
        titles, pairs = method_titles(spec), {(pair.weak, pair.strong): pair for pair in pairs_of(spec)}
        outcomes: dict[tuple[str, str, int], list[Outcome]] = {}
        for outcome in result.triplets:
            outcomes.setdefault(_place(outcome), []).append(outcome)
        contrasts = {_place(row): row for row in result.contrasts}
        baselines = {(row.weak_model, row.strong_model, row.baseline_index) for row in result.contrasts}
        for group in result.groups:
            at = _place(group)
            pair = pairs.get(at[:2], Pair(0, *at[:2]))
            student = Student(
                experiment, pair, titles[at[2]], group.method, group, outcomes.get(at, []), contrasts.get(at), at in baselines
            )
            students.append(student)
    return students


def _place(row: Outcome | Group | Contrast) -> tuple[str, str, int]:
    return row.weak_model, row.strong_model, row.method_index


class StudentTable:
    """``over`` is the id of the baseline; without one, the differences are those of each experiment's own result."""

    def __init__(self, comparison: Comparison, over: str) -> None:
        everything = students_of(comparison)
        self.students, self.left_out = everything[:MOST_ROWS], len(everything[MOST_ROWS:])
        self.base = next((student for student in everything if student.id == over), None)

    @cached_property
    def differences(self) -> list[Contrast | Reason | None]:
        """Return the difference of each student from the baseline, p values adjusted for all that are shown."""
        if self.base is None:
            return [student.own for student in self.students]
        read = Reader()
        rows = [contrast(self.base.outcomes, student.outcomes, read) for student in self.students]
        adjusted = iter(holm([row.p for row in rows if isinstance(row, Contrast)]))
        return [row.model_copy(update={"p_holm": next(adjusted)}) if isinstance(row, Contrast) else row for row in rows]

    @property
    def table(self) -> NumberTable:
        styles = dict.fromkeys(student.kind for student in self.students)
        tokens = {kind: style.token for kind, style in zip(styles, student_styles(list(styles)), strict=True)}
        titles = ["Seeds", "Supervisor", "Student", "Ceiling", "Over supervisor, points", "PGR", f"{self._over}, points", "p"]
        return NumberTable(
            "students",
            "Students side by side",
            [*(Column(title, right=False) for title in ("Experiment", "Pair", "Method")), *map(Column, titles)],
            [
                [*_names(student, tokens[student.kind]), *_numbers(student), *self._compared(student, row)]
                for student, row in zip(self.students, self.differences, strict=True)
            ],
            self.caption,
        )

    @property
    def _over(self) -> str:
        return "Over own baseline" if self.base is None else f"Over #{self.base.experiment.pk} {lower(self.base.title)}"

    def _compared(self, student: Student, row: Contrast | Reason | None) -> Sequence[Cell]:
        if student is self.base or (self.base is None and student.baseline):
            return word("baseline"), EMPTY
        if isinstance(row, Contrast):
            return difference(row.difference), p_value(row.p_holm)
        return (word(row.word, row.text), EMPTY) if row else (EMPTY, EMPTY)

    @property
    def caption(self) -> str:
        """The experiments, the seeds and what the intervals are."""
        seeds = [len(student.group.seeds) for student in self.students if student.group.seeds]
        experiments = len({student.experiment.pk for student in self.students})
        base = "Differences are from the naive student, or the first method, of the same experiment and pair"
        if self.base:
            base = f"Differences are from the baseline, {self.base.label}, paired by seed, supervisor and test example"
        return (
            f"Test accuracy of {count(len(self.students), 'student')} of {count(experiments, 'experiment')}, mean of "
            f"{range_of(seeds)}. In brackets: 95% intervals over {sources(seeds)}; of PGR by Fieller. "
            f"{base}; p is adjusted by Holm’s method."
        )


def range_of(seeds: Sequence[int]) -> str:
    """5 seeds; 2 to 5 seeds"""
    least, most = min(seeds, default=0), max(seeds, default=0)
    return count(most, "seed") if least == most else f"{least} to {count(most, 'seed')}"


def _names(student: Student, token: str) -> list[Cell]:
    experiment, spec = student.experiment, student.experiment.experiment_spec
    link = f"{reverse('experiment', args=[experiment.pk])}?pair={student.pair.index}"
    return [
        plain(f"#{experiment.pk} {experiment.name}", link, detail=dataset_title(spec.data.name)),
        plain(student.pair.title),
        plain(student.title, style=token),
    ]


def _numbers(student: Student) -> list[Cell]:
    group = student.group
    accuracies = [share(estimate) if estimate else EMPTY for estimate in (group.weak, group.student, group.ceiling)]
    seeds = whole_number(len(group.seeds))
    if group.missing:
        total = len(group.seeds) + len(group.missing)
        seeds = Cell(f"{len(group.seeds)} of {total}", values={"": len(group.seeds), "of": total})
    gain = difference(group.gain) if group.gain else EMPTY
    pgr = share(group.pgr, 2) if group.pgr else word(group.state, group.reason)
    return [seeds, *accuracies, gain, pgr]
