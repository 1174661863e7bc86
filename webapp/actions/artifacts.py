"""Artifacts that are not what was written: found when they are read, or by a pass over all of them, and made again."""

import logging
import threading
import time
from dataclasses import dataclass, field

from django.db.models import Q

from training.storage import event_files
from training.storage.checksums import MISSING, DamagedArtifact
from webapp.artifact_store import artifact_store, store_is_reachable
from webapp.experiments import damage, results
from webapp.experiments.models import Run, Status
from webapp.notifications import notify
from webapp.row_isolation import Isolated

logger = logging.getLogger(__name__)

BYTES_PER_SECOND = 32 * 2**20
"""The average speed of a pass, so that training and pages have the disk."""


def report_damage(artifact: DamagedArtifact) -> bool:
    """Have the run of a damaged file trained again. False where a second read finds no damage, or another process was first."""
    changed = damage.train_again(artifact)
    if changed:
        logger.warning("%s It was moved aside, and the run is trained again.", artifact)
        notify(changed | results.refresh_results(changed))
    return bool(changed)


def _verify(key: str) -> DamagedArtifact | None:
    artifact = artifact_store().damage(key, again=True)
    return artifact if artifact and report_damage(artifact) else None


def _verify_events(key: str, name: str) -> DamagedArtifact | None:
    """Move a file of events aside if a second read finds the damage too: nothing makes it again, and backups would refuse it."""
    store = artifact_store()
    artifact = event_files.damage(store, key, name) and event_files.damage(store, key, name)
    if artifact and artifact.problem != MISSING:
        event_files.quarantine(store, key, name)
        logger.warning("%s It was moved aside.", artifact)
    return artifact


@dataclass
class Verification:
    """The result of a pass: the damaged artifacts, and how many of ``runs`` have an artifact that could not be read."""

    runs: int
    damages: list[DamagedArtifact] = field(default_factory=list)
    unread: int = 0


def verify_all(ended: threading.Event | None = None, bytes_per_second: float | None = None) -> Verification:
    """Compare every artifact of every finished run, and every file of events, with its checksum, until ``ended``.

    Artifacts of an older version, which wrote no checksums, are first given the checksums of their present content. The pass
    ends where the store cannot be reached.
    """
    store = artifact_store()
    if adopted := store.checksums.adopt():
        logger.warning("%d artifacts of an older version had no checksum and were given that of what they are now.", adopted)
    runs = Run.objects.filter(Q(status=Status.FINISHED) | ~Q(event_files=[])).order_by("pk")
    rows = list(runs.values_list("key", "status", "event_files"))
    result = Verification(len(rows))
    if not store_is_reachable() or damage.store_is_empty():
        logger.error("no artifact is compared: the store cannot be reached, or no finished run has its files there")
        result.unread = len(rows)
        return result
    for number, (key, status, files) in enumerate(rows, start=1):
        begun = time.monotonic()
        names = [name for _, name in files]
        read = Isolated("artifacts").all([key] if status == Status.FINISHED else [], _verify)
        read += Isolated("files of events").all(names, lambda name, key=key: _verify_events(key, name))  # type: ignore[misc]
        result.damages += filter(None, read)
        if len(read) < len(names) + (status == Status.FINISHED):
            result.unread += 1
            if not store_is_reachable():
                result.unread += len(rows) - number
                break
        if bytes_per_second:
            size = sum(path.stat().st_size for path in store.run(key).glob("*.*") if path.exists())
            rest = size / bytes_per_second - (time.monotonic() - begun)
            if ended and ended.wait(max(0.0, rest)):
                break
    return result
