"""Budgets in accelerator-hours: the hours that an experiment's runs have taken, and whether its budget is used up."""

import math
from collections.abc import Iterable
from datetime import datetime

from django.db.models import Q, QuerySet
from django.db.models.functions import Now

from webapp.experiments.listing_models import State
from webapp.experiments.models import Event, Experiment, Run, Worker

ENDS = ("finished", "failed", "stopped", "lost", "released")
HOUR = 3600.0


def spent_hours(experiment: Experiment) -> float:
    """Accelerator-hours of all attempts at its runs since the experiment was created, including those that broke off.

    Each attempt counts from its claim to its end, or to now, times the processes of its worker; of runs that were claimed
    together, each counts its share. Runs that had finished before cost nothing; a run that several experiments need counts for
    each of them.
    """
    runs = experiment.runs.distinct()
    # A run that was stopped and evaluated was replaced by one that took no time itself.
    cut = runs.filter(spec__stop_at__isnull=False).exclude(spec__stop_at=None)
    wholes = [run.run_spec.model_copy(update={"stop_at": None}).key() for run in cut]
    ids = list(Run.objects.filter(Q(pk__in=runs.values("pk")) | Q(key__in=wholes)).values_list("pk", flat=True))
    events = Event.objects.filter(run__in=ids, at__gte=experiment.created_at, payload__kind__in=("claimed", *ENDS))
    rows = events.order_by("run", "seq").values_list("run", "at", "payload")
    now: datetime | None = Run.objects.filter(pk__in=ids).values_list(Now(), flat=True).first()
    processes = dict(Worker.objects.values_list("name", "processes"))
    return sum(seconds for seconds in _attempts(rows, now, processes)) / HOUR


def _attempts(
    rows: Iterable[tuple[int, datetime, dict[str, object]]], now: datetime | None, processes: dict[str, int]
) -> Iterable[float]:
    """Yield the seconds of each attempt; ``rows`` are sorted by run, then by event."""
    open_: dict[int, tuple[datetime, float]] = {}
    for run, at, payload in rows:
        if payload["kind"] == "claimed":
            together = payload.get("together", 1)
            assert isinstance(together, int)
            open_[run] = at, processes.get(str(payload["worker"]), 1) / together
        elif run in open_:
            begun, number = open_.pop(run)
            yield (at - begun).total_seconds() * number
    for begun, number in open_.values():
        yield (now - begun).total_seconds() * number if now else 0.0


def limited() -> QuerySet[Experiment]:
    """Running experiments that have a budget."""
    open_ = Experiment.objects.filter(state__in=(State.WAITING, State.RUNNING), stopped_at=None, ended_at=None)
    return open_.filter(budget_hours__isnull=False, launched_at__isnull=False)


def used_up(experiment: Experiment) -> bool:
    """Return whether the budget is used up. Raises ValueError for a stored number that cannot be a budget."""
    if experiment.budget_hours is None:
        return False
    if not 0 < experiment.budget_hours < math.inf:
        raise ValueError("its budget is not a number of hours above zero")
    return spent_hours(experiment) >= experiment.budget_hours


def note_error(experiment_id: int, error: str) -> None:
    """Store why the budget of an experiment cannot be watched; an empty error once it can."""
    Experiment.objects.filter(pk=experiment_id).exclude(budget_error=error).update(budget_error=error)
