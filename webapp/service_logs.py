"""The logs of services, a file for each, rotated when they become too large."""

import contextlib
import os
import shutil
from pathlib import Path

from django.conf import settings

LARGEST = 10 * 2**20
"""Bytes of a log; older lines are in numbered files beside it."""
FILES = 3


def rotate_all() -> None:
    """Rotate the logs of all services."""
    for path in Path(settings.LOG_DIR).glob("*.log"):
        with contextlib.suppress(OSError):  # another process does the same, or the disk is full: the next time
            rotate(path)


def rotate(path: Path) -> None:
    """Copy a log that has become too large to ``.1``, that one to ``.2`` and so on, and empty it.

    A renamed log would go on growing, since its writers have it open; they append at its end, wherever that is.
    """
    if path.stat().st_size <= LARGEST:
        return
    older = [path.with_name(f"{path.name}.{number}") for number in range(1, FILES + 1)]
    for source, target in zip(reversed(older[:-1]), reversed(older), strict=False):
        if source.exists():
            source.replace(target)
    try:
        shutil.copyfile(path, older[0])
    finally:
        os.truncate(path, 0)
