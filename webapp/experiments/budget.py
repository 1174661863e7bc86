"""Budgets in accelerator-hours: what an experiment's runs have taken, and which experiments have used theirs up."""

import math
from collections.abc import Iterable
from datetime import datetime

from django.db.models import Q, QuerySet
from django.db.models.functions import Now

from webapp.experiments.models import Event, Experiment, Run, Worker

ENDS = ("finished", "failed", "stopped", "lost", "released")
HOUR = 3600.0


def spent_hours(experiment: Experiment) -> float:
    """Accelerator-hours of all attempts at its runs since the experiment was made, those that broke off included.

    From the claim of each attempt to its end, or to now, times the processes of its worker. What was finished before costs
    nothing; what several experiments need counts for each of them.
    """
    runs = experiment.runs.distinct()
    # A run that was stopped and evaluated has another in its place, which took nothing itself.
    cut = runs.filter(spec__stop_at__isnull=False).exclude(spec__stop_at=None)
    wholes = [run.run_spec.model_copy(update={"stop_at": None}).key() for run in cut]
    ids = list(Run.objects.filter(Q(pk__in=runs.values("pk")) | Q(key__in=wholes)).values_list("pk", flat=True))
    told = Event.objects.filter(run__in=ids, at__gte=experiment.created_at, payload__kind__in=("claimed", *ENDS))
    rows = told.order_by("run", "seq").values_list("run", "at", "payload")
    now: datetime | None = Run.objects.filter(pk__in=ids).values_list(Now(), flat=True).first()
    processes = dict(Worker.objects.values_list("name", "processes"))
    return sum(seconds for seconds in _attempts(rows, now, processes)) / HOUR


def _attempts(
    rows: Iterable[tuple[int, datetime, dict[str, object]]], now: datetime | None, processes: dict[str, int]
) -> Iterable[float]:
    """Seconds of each attempt; ``rows`` are of one run after the other, each from the first event to the last."""
    open_: dict[int, tuple[datetime, int]] = {}
    for run, at, payload in rows:
        if payload["kind"] == "claimed":
            open_[run] = at, processes.get(str(payload["worker"]), 1)
        elif run in open_:
            begun, number = open_.pop(run)
            yield (at - begun).total_seconds() * number
    for begun, number in open_.values():
        yield (now - begun).total_seconds() * number if now else 0.0


def limited() -> QuerySet[Experiment]:
    """Experiments at work that have a budget."""
    return Experiment.objects.filter(budget_hours__isnull=False, launched_at__isnull=False, stopped_at=None, ended_at=None)


def used_up(experiment: Experiment) -> bool:
    """Raises ValueError for a budget that is none."""
    if experiment.budget_hours is None:
        return False
    if not 0 < experiment.budget_hours < math.inf:
        raise ValueError("its budget is no number of hours above zero")
    return spent_hours(experiment) >= experiment.budget_hours


def note_error(experiment_id: int, error: str) -> None:
    """Written on an experiment whose budget cannot be watched; empty once it can."""
    Experiment.objects.filter(pk=experiment_id).exclude(budget_error=error).update(budget_error=error)
