"""Transactions that change runs or experiments; at their end the derived columns of the experiments follow.

Everything locks runs first and then experiments, by number: so the columns are written last.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from django.db import transaction
from django.db.models import BigIntegerField, Case, Count, F, Max, Q, Sum, When
from django.db.models.functions import Now

from webapp.experiments.fold import state_of
from webapp.experiments.listing_models import COUNTS, ListRevision
from webapp.experiments.models import Experiment, Part, Run, Status, Transition

CHUNK = 1000
READ = (
    *("state", "launched_at", "stopped_at", "ended_at", "evaluates", "transition", "result_due"),
    *("percents", "run_started_at", *COUNTS),
)
"""The columns that the written ones depend on."""

PERCENT = Case(
    When(status=Status.FINISHED, then=100),
    When(total_steps=0, then=0),
    When(step__gte=F("total_steps"), then=100),
    default=100 * F("step") / F("total_steps"),
    output_field=BigIntegerField(),
)
"""The expression of Run.percent."""


class RunState(NamedTuple):
    """The columns of a run that those of its experiments depend on."""

    status: str
    percent: int
    started_at: datetime | None


@dataclass
class Changes:
    """The changes of a transaction so far."""

    runs: dict[int, tuple[RunState, RunState]] = field(default_factory=dict)
    """The state before and after, by run."""
    experiments: set[int] = field(default_factory=set)
    recounted: set[int] = field(default_factory=set)
    listed: bool = False

    def add(self, later: "Changes") -> None:
        for pk, (before, after) in later.runs.items():
            self.runs[pk] = self.runs.get(pk, (before, after))[0], after
        self.experiments |= later.experiments
        self.recounted |= later.recounted
        self.listed = self.listed or later.listed


_current: ContextVar[Changes | None] = ContextVar("changes", default=None)


@contextmanager
def changing() -> Iterator[None]:
    """A transaction, or a part of one, that may change runs and experiments. Also a decorator."""
    outer, changes = _current.get(), Changes()
    token = _current.set(changes)
    try:
        with transaction.atomic():
            yield
            if outer is None:
                _write(changes)
    finally:
        _current.reset(token)
    if outer is not None:
        outer.add(changes)


def _changes() -> Changes:
    changes = _current.get()
    if changes is None:
        raise RuntimeError("runs and experiments are changed within webapp.experiments.changes.changing")
    return changes


def state_of_run(run: Run) -> RunState:
    return RunState(run.status, run.percent, run.started_at)


def run_changed(run: Run, before: RunState) -> None:
    """Note that a locked run has changed."""
    _changes().add(Changes(runs={run.pk: (before, state_of_run(run))}))


def experiment_changed(experiment_id: int) -> None:
    """Note that columns of the experiment have changed from which its state follows, or that lists show."""
    _changes().experiments.add(experiment_id)


def parts_changed(experiment_id: int) -> None:
    """Note that the experiment has other runs than before. These runs are locked."""
    _changes().recounted.add(experiment_id)


def list_changed() -> None:
    """Note that lists of experiments look different, for a reason that no derived column depends on."""
    _changes().listed = True


def lock_holders(runs: Iterable[Run], experiment_id: int) -> None:
    """Lock the experiments of ``runs`` and this one, in the order in which every transaction locks experiments."""
    holders = Part.objects.filter(run__in=[run.pk for run in runs]).values("experiment")
    locked = Experiment.objects.filter(Q(pk=experiment_id) | Q(pk__in=holders)).order_by("pk").select_for_update()
    list(locked.values_list("pk", flat=True))


def _write(changes: Changes) -> None:
    runs = {pk: change for pk, change in changes.runs.items() if change[0] != change[1]}
    moved: defaultdict[int, list[tuple[RunState, RunState]]] = defaultdict(list)
    for chunk in _chunks(list(runs)):
        parts = Part.objects.filter(run__in=chunk).order_by().values_list("experiment", "run").distinct()
        for experiment, run in parts:
            moved[experiment].append(runs[run])
    pks = sorted({*moved, *changes.experiments, *changes.recounted})
    for chunk in _chunks(pks):
        _write_rows(chunk, moved, changes.recounted)
    if pks or changes.listed:
        _revise()


def _chunks(pks: Sequence[int]) -> Iterator[Sequence[int]]:
    return (pks[at : at + CHUNK] for at in range(0, len(pks), CHUNK))


def _write_rows(pks: Sequence[int], moved: dict[int, list[tuple[RunState, RunState]]], recounted: set[int]) -> None:
    """Write the columns of the experiments; those with equal changes by one statement."""
    alike: defaultdict[tuple[tuple[tuple[str, int], ...], tuple[tuple[str, Any], ...]], list[int]] = defaultdict(list)
    for row in Experiment.objects.filter(pk__in=pks).order_by("pk").select_for_update().only(*READ):
        before = {name: getattr(row, name) for name in READ}
        steps = {} if row.pk in recounted else _move(row, moved.get(row.pk, ()))
        if row.pk in recounted or any(getattr(row, name) < 0 for name in steps):  # the row was damaged
            steps = {}
            for name, value in recount(row.pk).items():
                setattr(row, name, value)
        row.result_due = row.result_due or any(finished(change) for change in moved.get(row.pk, ()))
        if row.launched_at and not row.ended_at and not row.runs_active and row.transition != Transition.LAUNCHING:
            row.ended_at = Now()
        row.state = state_of(row)
        values = tuple((name, getattr(row, name)) for name in READ if name not in steps and getattr(row, name) != before[name])
        if steps or values:
            alike[tuple(sorted(steps.items())), values].append(row.pk)
    for (counted, values), rows in alike.items():
        Experiment.objects.filter(pk__in=rows).update(**{name: F(name) + step for name, step in counted}, **dict(values))


def finished(change: tuple[RunState, RunState]) -> bool:
    return change[0].status != Status.FINISHED and change[1].status == Status.FINISHED


def _move(row: Experiment, changes: Iterable[tuple[RunState, RunState]]) -> dict[str, int]:
    """Change the numbers of ``row`` by those of its runs that changed, and return the differences by column."""
    steps: defaultdict[str, int] = defaultdict(int)
    for before, after in changes:
        steps[f"runs_{before.status}"] -= 1
        steps[f"runs_{after.status}"] += 1
        steps["percents"] += after.percent - before.percent
        row.run_started_at = max((at for at in (row.run_started_at, after.started_at) if at), default=None)
    for name, step in steps.items():
        setattr(row, name, getattr(row, name) + step)
    return {name: step for name, step in steps.items() if step}


def recount(experiment_id: int) -> dict[str, Any]:
    """Return the columns of the experiment that follow from its runs alone, in one query."""
    runs = Run.objects.filter(pk__in=Part.objects.filter(experiment=experiment_id).values("run")).order_by()
    columns: dict[str, Any] = {**dict.fromkeys(COUNTS, 0), "percents": 0, "run_started_at": None}
    for row in runs.values("status").annotate(number=Count("pk"), done=Sum(PERCENT), started=Max("started_at")):
        columns[f"runs_{row['status']}"] = row["number"]
        columns["percents"] += row["done"]
        columns["run_started_at"] = max((at for at in (columns["run_started_at"], row["started"]) if at), default=None)
    return columns


def _revise() -> None:
    """Advance the number of the lists; the last write of a transaction, so that others wait for its commit only."""
    if not ListRevision.objects.filter(pk=1).update(number=F("number") + 1):
        ListRevision.objects.get_or_create(pk=1, defaults={"number": 1})
