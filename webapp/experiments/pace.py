"""The seconds that runs in training still need, by their events in this attempt."""

from collections.abc import Iterable
from datetime import datetime

from django.db.models import Count, OuterRef, QuerySet, Subquery
from django.db.models.functions import Now

from webapp.experiments.models import Event, Run, Status

POINTS = ("metric", "evaluation")
Point = tuple[int, datetime]


def seconds_left(run: Run) -> float | None:
    """Return the seconds left of one run; see ``seconds_left_by_run``."""
    return seconds_left_by_run([run]).get(run.pk)


def seconds_left_by_run(runs: Iterable[Run]) -> dict[int, float]:
    """Return the seconds left by the pace of this attempt, from its start or its checkpoint on, by run; in two queries.

    Features that a run computed or waited for before its first step are no part of the pace. Runs that do not train, or have no
    logged steps yet, are left out.
    """
    training = {run.pk: run for run in runs if run.status == Status.RUNNING and run.step}
    if not training:
        return {}
    rows = list(_numbered(Run.objects.filter(pk__in=training)))
    wanted = {number for row in rows for number in (row.begun, row.ready, row.last) if number is not None}
    events = {(event.run_id, event.seq): event for event in Event.objects.filter(run__in=training, seq__in=wanted)}
    left = {}
    for row in rows:
        begun, last = events.get((row.pk, row.begun)), events.get((row.pk, row.last))
        if begun is None or last is None:
            continue
        first = begun.payload["resumed_from"], events.get((row.pk, row.ready), begun).at
        seconds = _at_pace(first, (last.payload["step"], last.at), row.points, training[row.pk].total_steps, row.now)
        if seconds is not None:
            left[row.pk] = seconds
    return left


def _numbered(runs: QuerySet[Run]) -> QuerySet[Run]:
    """The runs with the numbers of events of this attempt: its start, its first step's features, its last step; and its steps."""
    events = Event.objects.filter(run=OuterRef("pk"), attempt=OuterRef("attempt")).order_by("-seq")
    points = events.filter(payload__kind__in=POINTS)
    counted = points.order_by().values("run").annotate(number=Count("pk")).values("number")
    first = Event.objects.filter(run=OuterRef("run"), attempt=OuterRef("attempt"), payload__kind__in=POINTS).order_by("seq")
    ready = events.filter(payload__kind__in=("started", "progress"), seq__lt=Subquery(first.values("seq")[:1]))
    return runs.only("pk").annotate(
        begun=Subquery(events.filter(payload__kind="started").values("seq")[:1]),
        ready=Subquery(ready.values("seq")[:1]),
        last=Subquery(points.values("seq")[:1]),
        points=Subquery(counted),
        now=Now(),
    )


def phase_left(run: Run) -> float | None:
    """Return the seconds left of the phase before the training, by its events in this attempt; None where these are too few."""
    events = Event.objects.filter(run=run, attempt=run.attempt, payload__kind="progress", payload__phase=run.phase)
    first, last = events.first(), events.annotate(now=Now()).last()
    if first is None or last is None:
        return None
    begun, reached = (first.payload["done"], first.at), (last.payload["done"], last.at)
    return _at_pace(begun, reached, events.count() - 1, run.phase_total, last.now)


def _at_pace(first: Point, last: Point, gaps: int, total: int, now: datetime) -> float | None:
    """Seconds from ``now`` to ``total`` by the pace from ``first`` to ``last``; None without a pace.

    After more than twice the usual gap between two points, the wait counts as part of the pace, since a run that stands still
    does not come nearer to its end.
    """
    made, took = last[0] - first[0], (last[1] - first[1]).total_seconds()
    if made <= 0 or took <= 0:
        return None
    waited, rest = (now - last[1]).total_seconds(), total - last[0]
    if waited <= 2 * took / max(1, gaps):
        return max(0.0, rest * took / made - waited)
    return rest * (took + waited) / made
