"""The stored samples of the machines that trained runs."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from typing import Any

from django.db.models import Count

from training.events import SystemSampled
from webapp.experiments import stored_events
from webapp.experiments.models import Event

SAMPLES = ("system",)


def samples_of(run_id: int) -> list[dict[str, Any]]:
    """Return the samples of a run, oldest first: {"seq", "attempt", "at", **sample}. Raises stored_events.UNREADABLE."""
    rows = stored_events.each(run_id, kinds=SAMPLES)
    return [{"seq": row.seq, "attempt": row.attempt, "at": row.at.isoformat(), **_in_order(row.payload)} for row in rows]


def _in_order(sample: Mapping[str, Any]) -> dict[str, Any]:
    """Return a sample with the order of its fields, the columns of a file, which PostgreSQL does not keep."""
    return {name: sample[name] for name in SystemSampled.model_fields if name in sample}


MOST = 2000
"""Samples that a page has from the beginning, of all its runs; those of many runs are thinned out."""


def samples_for_page(last: Mapping[int, int]) -> dict[int, list[dict[str, Any]]]:
    """Return the claims and samples of runs up to the event ``last`` of each, oldest first: {"at", **payload}.

    Samples in a file that cannot be read are left out.
    """
    events = Event.objects.filter(run__in=list(last), payload__kind__in=["claimed", *SAMPLES]).order_by("run", "seq")
    rows = [row for row in _with_filed(events, last) if row.seq <= last[row.run_id]]
    stride = -(-len(rows) // MOST) or 1
    samples = defaultdict[int, list[dict[str, Any]]](list)
    for place, row in enumerate(rows):
        at = row.at.isoformat()
        if row.payload["kind"] == "claimed":
            samples[row.run_id].append({"kind": "claimed", "at": at})
        elif place % stride == 0:
            samples[row.run_id].append({"at": at, **row.payload})
    return dict(samples)


def _with_filed(stored: Iterable[Event], run_ids: Iterable[int]) -> Iterable[Event]:
    """Return stored events with the samples in files, by run and number."""
    by_run = defaultdict[int, list[Event]](list)
    for event in stored:
        by_run[event.run_id].append(event)
    files = stored_events.files_of(run_ids)
    for run in files:
        with suppress(*stored_events.UNREADABLE):
            by_run[run] = stored_events.merged(by_run[run], stored_events.filed(run, files, kinds=SAMPLES))
    return [event for run in sorted(by_run) for event in by_run[run]]


def most_samples(run_ids: Collection[int]) -> int:
    """Return the number of samples of that of the runs which has most; 0 for no runs, without files that cannot be read."""
    if not run_ids:
        return 0
    counts = (
        Event.objects.filter(run__in=run_ids, payload__kind__in=SAMPLES).order_by().values("run").annotate(number=Count("pk"))
    )
    numbers = defaultdict[int, int](int, counts.values_list("run", "number"))
    files = stored_events.files_of(run_ids)
    for run in files:
        with suppress(*stored_events.UNREADABLE):
            numbers[run] += len(stored_events.filed(run, files, kinds=SAMPLES))
    return max(numbers.values(), default=0)
