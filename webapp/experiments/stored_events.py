"""The events of a run, from the table and from the files into which those of ended runs are moved.

The table is read first and then the run's row, which names the files: whatever is moved meanwhile is in one of them.
"""

import logging
from collections.abc import Collection, Iterable, Iterator, Mapping

from training.storage import event_files
from training.storage.checksums import DamagedArtifact
from training.storage.remote import StoreUnreachable
from webapp.artifact_store import artifact_store
from webapp.experiments.models import Event, Run

logger = logging.getLogger(__name__)

FILED_KINDS = ("metric", "evaluation", "progress", "system")
"""Kinds of the events that are moved: the many ones, which are read by run alone."""

PAGE = 2000
"""Events of a run that are read together."""

UNREADABLE = (DamagedArtifact, StoreUnreachable, OSError)
"""Errors of reading a file of events; the events of the table raise none."""

STORE_AWAY = "The store with files of events cannot be reached now."

EventFiles = Mapping[int, tuple[str, list[tuple[int, str]]]]
"""By run its key, and the last number and the name of each of its files."""


def page(run_id: int, after: int, last: int | None = None, kinds: Collection[str] = (), limit: int = PAGE) -> list[Event]:
    """Return the first ``limit`` events after a number up to ``last``, of ``kinds`` where given. Raises UNREADABLE."""
    stored = page_of_table(run_id, after, last, kinds, limit)
    if kinds and set(kinds).isdisjoint(FILED_KINDS):
        return stored
    return merged(stored, filed(run_id, files_of([run_id]), after, last, kinds, limit))[:limit]


def readable_page(run_id: int, after: int, limit: int) -> list[Event]:
    """Return ``page``, without the events of files where one of these cannot be read: the last event is never in a file."""
    try:
        return page(run_id, after, limit=limit)
    except UNREADABLE as error:
        logger.warning("events of run %s are left out: %s", run_id, error)
        return page_of_table(run_id, after, limit=limit)


def page_of_table(
    run_id: int, after: int, last: int | None = None, kinds: Collection[str] = (), limit: int | None = None
) -> list[Event]:
    """Return the events of ``page`` that are in the table."""
    rows = Event.objects.filter(run=run_id, seq__gt=after)
    rows = rows if last is None else rows.filter(seq__lte=last)
    return list((rows.filter(payload__kind__in=kinds) if kinds else rows).order_by("seq")[:limit])


def each(run_id: int, after: int = 0, last: int | None = None, kinds: Collection[str] = ()) -> Iterator[Event]:
    """Yield the events of ``page``, however many there are. Raises UNREADABLE."""
    while events := page(run_id, after, last, kinds):
        yield from events
        if len(events) < PAGE:
            return
        after = events[-1].seq


def problem(error: BaseException) -> str:
    """Return a sentence for a page on one of UNREADABLE: why events cannot be read now."""
    if isinstance(error, DamagedArtifact):
        return str(error)
    return STORE_AWAY if isinstance(error, StoreUnreachable) else "A file of events cannot be read now."


def files_of(run_ids: Iterable[int]) -> EventFiles:
    """Return the files of those of the runs that have any; to be called after the table was read."""
    rows = Run.objects.filter(pk__in=list(run_ids)).values_list("pk", "key", "event_files")
    return {pk: (key, files) for pk, key, files in rows if files}


def filed(
    run_id: int,
    files: EventFiles,
    after: int = 0,
    last: int | None = None,
    kinds: Collection[str] = (),
    limit: int | None = None,
) -> list[Event]:
    """Return events of a run's files as ``page`` does. Raises UNREADABLE."""
    key, names = files.get(run_id, ("", []))
    store = artifact_store()
    rows = [row for end, name in names if end > after for row in event_files.read(store, key, name, after, last, kinds, limit)]
    return [Event(run_id=run_id, seq=row.seq, attempt=row.attempt, at=row.at, payload=row.payload) for row in rows]


def merged(stored: Iterable[Event], from_files: Iterable[Event]) -> list[Event]:
    """Return events by number, each once: the table keeps copies of a run's last metric and evaluation."""
    events = {event.seq: event for event in (*from_files, *stored)}
    return [events[seq] for seq in sorted(events)]
