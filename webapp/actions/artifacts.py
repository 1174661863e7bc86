"""Artifacts that are not what was written: found when they are read, or by a pass over all of them, and made again."""

import logging
import threading
import time

from training.storage.checksums import DamagedArtifact
from webapp.artifact_store import artifact_store
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


def verify_all(ended: threading.Event | None = None, bytes_per_second: float | None = None) -> list[DamagedArtifact]:
    """Compare every artifact of every finished run with its checksum, until ``ended``; return the damaged ones.

    Artifacts of an older version, which wrote no checksums, are first given the checksums of their present content.
    """
    store = artifact_store()
    if adopted := store.checksums.adopt():
        logger.warning("%d artifacts of an older version had no checksum and were given that of what they are now.", adopted)
    damages: list[DamagedArtifact] = []
    for key in Run.objects.filter(status=Status.FINISHED).values_list("key", flat=True).order_by("pk"):
        begun = time.monotonic()
        damages += filter(None, Isolated("artifacts").each([key], _verify))
        if bytes_per_second:
            size = sum(path.stat().st_size for path in store.run(key).glob("*.*") if path.exists())
            rest = size / bytes_per_second - (time.monotonic() - begun)
            if ended and ended.wait(max(0.0, rest)):
                break
    return damages
