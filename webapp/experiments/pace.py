"""The seconds that runs in training still need, by their events in this attempt."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.db.models import Count, Max, OuterRef, Q, Subquery
from django.db.models.functions import Now

from webapp.experiments.models import Event, Run, Status

POINTS = ("metric", "evaluation")
Point = tuple[int, datetime]


def seconds_left(run: Run) -> float | None:
    """Return the seconds left of one run; see ``seconds_left_by_run``."""
    return seconds_left_by_run([run]).get(run.pk)


def seconds_left_by_run(runs: Iterable[Run]) -> dict[int, float]:
    """Return the seconds left by the pace of this attempt, from its start or its checkpoint on, by run; in three queries.

    Features that a run computed or waited for before its first step are no part of the pace. Runs that do not train, or have no
    logged steps yet, are left out.
    """
    training = {run.pk: run for run in runs if run.status == Status.RUNNING and run.step}
    if not training:
        return {}
    rows = [row for row in _numbered(training) if row.begun is not None and row.first is not None]
    ready = _last_before_the_first_step(rows)
    numbers = {number for row in rows for number in (row.begun, row.last, ready.get(row.pk, row.begun))}
    events = {(event.run_id, event.seq): event for event in Event.objects.filter(run__in=training, seq__in=numbers)}
    left = {}
    for row in rows:
        begun, last, before = (events.get((row.pk, number)) for number in (row.begun, row.last, ready.get(row.pk, row.begun)))
        if begun is None or last is None or before is None:  # deleted meanwhile
            continue
        first = begun.payload["resumed_from"], before.at
        seconds = _at_pace(first, (last.payload["step"], last.at), row.points, training[row.pk].total_steps, row.now)
        if seconds is not None:
            left[row.pk] = seconds
    return left


def _numbered(runs: Iterable[int]) -> Iterable[Any]:
    """The runs with the numbers of events of this attempt: its start, its first and its last step; and of its steps."""
    events = Event.objects.filter(run=OuterRef("pk"), attempt=OuterRef("attempt")).order_by()
    points = events.filter(payload__kind__in=POINTS)
    return (
        Run.objects.filter(pk__in=list(runs))
        .only("attempt")
        .annotate(
            begun=Subquery(events.filter(payload__kind="started").order_by("-seq").values("seq")[:1]),
            first=Subquery(points.order_by("seq").values("seq")[:1]),
            last=Subquery(points.order_by("-seq").values("seq")[:1]),
            points=Subquery(points.values("run").annotate(number=Count("pk")).values("number")),
            now=Now(),
        )
    )


def _last_before_the_first_step(rows: Iterable[Any]) -> dict[int, int]:
    """The number of the last event before training, by run: its start, or the last sign of its features."""
    before = Q(pk__in=())
    for row in rows:
        before |= Q(run=row.pk, attempt=row.attempt, seq__lt=row.first)
    events = Event.objects.filter(before, payload__kind__in=("started", "progress")).order_by()
    return dict(events.values_list("run").annotate(Max("seq")))


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
