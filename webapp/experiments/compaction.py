"""The move of the many events of ended runs from the table into files of the store.

A file is complete in the store before the rows are deleted, in the transaction in which the run's row gets its name. Before that
transaction the rows count, after it the file does. A file that no row names, of a move that was broken off, is read by nobody.
"""

import logging
import math
from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Max, QuerySet
from django.db.models.functions import Now

from training.storage import event_files
from training.storage.event_files import FiledEvent
from webapp.artifact_store import artifact_store, store_is_reachable
from webapp.experiments.models import ACTIVE, Event, Run
from webapp.experiments.requirements import free_on_disk
from webapp.experiments.stored_events import FILED_KINDS
from webapp.row_isolation import Isolated

logger = logging.getLogger(__name__)

MOST_EVENTS = 20_000
"""Events of one file, which are moved by one transaction; a run with more has several files."""

RUNS_OF_A_PASS = 20
RUNS_READ = 1000
"""Runs of a pass, and those of which it leaves out the ones that failed some time before."""

SHOWN = ("metric", "evaluation")
"""Kinds of which the table keeps a copy of the newest event: pages show it for many runs."""


def due(days: float) -> QuerySet[Run]:
    """Return runs that ended ``days`` ago and have events to move, by an index, those first that ended first."""
    if math.isinf(days):
        return Run.objects.none()
    return Run.objects.filter(compacted=False, ended_at__lte=Now() - timedelta(days=days)).order_by("ended_at", "pk")


_compacting = Isolated("moving events to files")


def compact_some(days: float) -> int:
    """Move the events of a few of the runs that are ``due`` and return the number of events; none without store or room."""
    if hindrance():
        return 0
    moved = 0
    for number, events in enumerate(_compacting.each(due(days).values_list("pk", flat=True)[:RUNS_READ], compact), start=1):
        moved += events
        if number == RUNS_OF_A_PASS:
            break
    return moved


def hindrance() -> str:
    """Return a sentence on why no file can be written now, empty where nothing is in the way."""
    if not store_is_reachable():
        return "The store of artifacts cannot be reached now."
    if free_on_disk() <= settings.DISK_RESERVE:
        return "The disk of the artifacts has no room beyond its reserve (DISK_RESERVE_GIB)."
    return ""


def compact(run_id: int) -> int:
    """Move the events of a run that has ended and return their number. Raises OSError, StoreUnreachable."""
    moved = 0
    while (events := _move_first(run_id)) is not None:
        moved += events
    return moved


def _move_first(run_id: int) -> int | None:
    """Move the first events of the run, at most those of one file, and return their number; None where there is nothing to do."""
    run = Run.objects.filter(pk=run_id, compacted=False).exclude(status__in=ACTIVE).only("key", "last_seq", "event_files").first()
    if run is None:
        return None
    after = run.event_files[-1][0] if run.event_files else 0
    rows = list(_rows(run_id).filter(seq__gt=after, seq__lte=run.last_seq).order_by("seq")[:MOST_EVENTS])
    last = run.last_seq if len(rows) < MOST_EVENTS else rows[-1].seq
    files = run.event_files
    if rows:
        files = [*files, [last, _written(run.key, rows)]]
    return len(rows) if _replace(run, files, last) else None


def _rows(run_id: int) -> QuerySet[Event]:
    return Event.objects.filter(run=run_id, payload__kind__in=FILED_KINDS)


def _written(key: str, rows: list[Event]) -> str:
    """Write a file and return its name, once what it gives back is equal to the rows. Raises OSError, StoreUnreachable."""
    store = artifact_store()
    events = [FiledEvent(row.seq, row.attempt, row.at, row.payload) for row in rows]
    name = event_files.write(store, key, events)
    if damage := event_files.damage(store, key, name):  # of the store that machines share, where a broken-off move left it
        raise OSError(str(damage))
    if event_files.read(store, key, name) != events:
        raise OSError(f"events of run {key[:12]} are not what was written")
    return name


@transaction.atomic
def _replace(known: Run, files: list[list[int | str]], last: int) -> bool:
    """Delete rows up to the number ``last`` and name the files that have them; false where the run has changed meanwhile."""
    run = Run.objects.select_for_update().filter(pk=known.pk).only("status", "last_seq", "event_files").first()
    if run is None or run.status in ACTIVE or (run.last_seq, run.event_files) != (known.last_seq, known.event_files):
        return False
    rows = _rows(run.pk)
    newest = [rows.filter(payload__kind=kind).aggregate(last=Max("seq"))["last"] for kind in SHOWN]
    rows.filter(seq__lte=last).exclude(seq__in=[seq for seq in newest if seq is not None]).delete()
    Run.objects.filter(pk=run.pk).update(event_files=files, compacted=last == run.last_seq)
    return True
