"""Artifacts that are not what was written: found when they are read, or by a pass over all of them, and made again."""

import logging
import threading
import time

from django.conf import settings

from training import Store
from training.storage.checksums import DamagedArtifact
from webapp.experiments import services
from webapp.experiments.models import Run, Status
from webapp.jobs.dispatch import announce
from webapp.row_isolation import Isolated

logger = logging.getLogger(__name__)

BYTES_PER_SECOND = 32 * 2**20
"""A pass reads no faster than this on average, so that training and pages have the disk."""


def found(damage: DamagedArtifact) -> bool:
    """Has the run trained again whose file is damaged. False where a second look finds nothing, or another saw to it first."""
    changed = services.damaged(damage)
    if changed:
        logger.warning("%s It was moved aside, and the run is trained again.", damage)
        announce(changed | services.refresh_results(changed))
    return bool(changed)


def _verify(key: str) -> DamagedArtifact | None:
    damage = Store(settings.ARTIFACTS_DIR).damage(key, again=True)
    return damage if damage and found(damage) else None


def verify_all(ended: threading.Event | None = None, bytes_per_second: float | None = None) -> list[DamagedArtifact]:
    """Reads every artifact of every finished run and compares it, until ``ended``; returns what was damaged.

    An installation of an older version has its artifacts adopted first: each is given the checksum of what it is now.
    """
    store = Store(settings.ARTIFACTS_DIR)
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
