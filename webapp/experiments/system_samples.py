"""The stored samples of the machines that trained runs."""

from collections.abc import Collection
from typing import Any

from django.db.models import Count

from webapp.experiments.models import Event


def samples_of(run_id: int) -> list[dict[str, Any]]:
    """Return the samples of a run, oldest first: {"seq", "attempt", "at", **sample}."""
    rows = Event.objects.filter(run=run_id, payload__kind="system").order_by("seq")
    return [{"seq": row.seq, "attempt": row.attempt, "at": row.at.isoformat(), **row.payload} for row in rows]


def most_samples(run_ids: Collection[int]) -> int:
    """Return the number of samples of that of the runs which has most; 0 for no runs."""
    if not run_ids:
        return 0
    counts = Event.objects.filter(run__in=run_ids, payload__kind="system").order_by().values("run").annotate(number=Count("pk"))
    return max(counts.values_list("number", flat=True), default=0)
