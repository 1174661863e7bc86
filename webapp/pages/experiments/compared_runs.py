"""Single runs side by side: state, accuracy over test examples, and the difference from a baseline run."""

from functools import cached_property
from typing import Any

from django.urls import reverse

from training.spec import RunSpec
from webapp.charts.numbers import rate
from webapp.experiments.models import Role, Run, Status
from webapp.findings.number_table import EMPTY, Cell, Column, NumberTable, difference, p_value, plain, share, whole_number, word
from webapp.findings.paired_differences import OTHER_EXAMPLES, Reader, Reason, accuracy_of, run_difference
from webapp.findings.test_sets import test_set_of
from webapp.findings.wording import count, dataset_title, short_model
from webapp.pages.experiments.run_settings import role_of, title_of

NOT_FINISHED = "It has not finished, so it has no predictions to compare."


class ComparedRun:
    """A run of the selection. ``run`` has the annotations of ``queries.runs_with_role``."""

    def __init__(self, run: Any) -> None:
        self.run: Run = run
        self.spec: RunSpec = run.run_spec
        self.role = Role(run.role)
        self.experiment_number: int = run.experiment_number

    @property
    def title(self) -> str:
        return title_of(self.role, self.spec)

    @property
    def finished(self) -> bool:
        return self.run.status == Status.FINISHED

    @property
    def state(self) -> str:
        """Finished; Running, step 120 of 660"""
        label = Status(self.run.status).label
        at_work = self.run.status in (Status.RUNNING, Status.STOPPING) and self.run.total_steps
        return f"{label}, step {self.run.step:,} of {self.run.total_steps:,}" if at_work else label


class RunTable:
    def __init__(self, runs: list[ComparedRun], base: int | None) -> None:
        self.runs = runs
        self.base = next((row for row in runs if row.run.pk == base and row.finished), None)
        self.read = Reader()

    @cached_property
    def table(self) -> NumberTable:
        compared = [Column(f"Over run {self.base.run.pk}, points"), Column("McNemar, p")] if self.base else []
        return NumberTable(
            "runs",
            "Runs side by side",
            [
                *(Column(title, right=False) for title in ("Run", "Role", "Model", "Data set")),
                Column("Seed"),
                Column("State", right=False),
                Column("Accuracy"),
                Column("Test examples"),
                *compared,
            ],
            [[*self._row(row), *(self._compared(row) if self.base else [])] for row in self.runs],
            self.caption,
        )

    def _row(self, row: ComparedRun) -> list[Cell]:
        test = self.read.rows(row.run.key) if row.finished else None
        accuracy = accuracy_of(row.run.key, self.read) if row.finished else None
        shown = share(accuracy) if accuracy else EMPTY
        if accuracy is None and row.run.accuracy is not None:
            shown = Cell(rate(row.run.accuracy), values={"": row.run.accuracy})
        return [
            plain(f"Run {row.run.pk}", reverse("run", args=[row.run.pk])),
            plain(role_of(row.role, row.spec)),
            plain(short_model(row.spec.model)),
            plain(dataset_title(row.spec.dataset)),
            whole_number(row.spec.seed),
            plain(row.state),
            shown,
            whole_number(test) if test else EMPTY,
        ]

    def _compared(self, row: ComparedRun) -> list[Cell]:
        assert self.base is not None
        if row is self.base:
            return [word("baseline"), EMPTY]
        if not row.finished:
            return [word("not finished", NOT_FINISHED), EMPTY]
        if test_set_of(row.run) != test_set_of(self.base.run):
            return [word(OTHER_EXAMPLES.word, OTHER_EXAMPLES.text), EMPTY]
        compared = run_difference(self.base.run.key, row.run.key, row.spec.seed, self.read)
        if isinstance(compared, Reason):
            return [word(compared.word, compared.text), EMPTY]
        estimate, test = compared
        return [difference(estimate), p_value(test.p)]

    @property
    def caption(self) -> str:
        over = f" Differences are from run {self.base.run.pk} on the same test examples." if self.base else ""
        return (
            f"Test accuracy of {count(len(self.runs), 'run')}, each of one seed. In brackets: 95% intervals over test examples, "
            f"without the variation over seeds.{over}"
        )
