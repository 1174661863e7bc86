"""The stored samples of the machines that trained runs."""

from collections import defaultdict
from collections.abc import Collection, Mapping
from typing import Any

from django.db.models import Count

from training.events import SystemSampled
from webapp.experiments.models import Event


def samples_of(run_id: int) -> list[dict[str, Any]]:
    """Return the samples of a run, oldest first: {"seq", "attempt", "at", **sample}."""
    rows = Event.objects.filter(run=run_id, payload__kind="system").order_by("seq")
    return [{"seq": row.seq, "attempt": row.attempt, "at": row.at.isoformat(), **_in_order(row.payload)} for row in rows]


def _in_order(sample: Mapping[str, Any]) -> dict[str, Any]:
    """Return a sample with the order of its fields, the columns of a file, which PostgreSQL does not keep."""
    return {name: sample[name] for name in SystemSampled.model_fields if name in sample}


MOST = 2000
"""Samples that a page has from the beginning, of all its runs; those of many runs are thinned out."""


def samples_for_page(last: Mapping[int, int]) -> dict[int, list[dict[str, Any]]]:
    """Return the claims and samples of runs up to the event ``last`` of each, oldest first: {"at", **payload}."""
    events = Event.objects.filter(run__in=list(last), payload__kind__in=["claimed", "system"]).order_by("run", "seq")
    rows = [row for row in events.values_list("run", "seq", "at", "payload") if row[1] <= last[row[0]]]
    stride = -(-len(rows) // MOST) or 1
    samples = defaultdict[int, list[dict[str, Any]]](list)
    for place, (run, _, at, payload) in enumerate(rows):
        if payload["kind"] == "claimed":
            samples[run].append({"kind": "claimed", "at": at.isoformat()})
        elif place % stride == 0:
            samples[run].append({"at": at.isoformat(), **payload})
    return dict(samples)


def most_samples(run_ids: Collection[int]) -> int:
    """Return the number of samples of that of the runs which has most; 0 for no runs."""
    if not run_ids:
        return 0
    counts = Event.objects.filter(run__in=run_ids, payload__kind="system").order_by().values("run").annotate(number=Count("pk"))
    return max(counts.values_list("number", flat=True), default=0)
