"""What processes write to their standard error, kept within bounds: a file for each run, and one for each service."""

import contextlib
import os
import shutil
from collections import deque
from pathlib import Path

from django.conf import settings

from training.names import within

LARGEST = 2**20
HEAD, TAIL = 2**18, 2**19
"""Bytes that are kept of a log that has become larger: its beginning, which says how it was started, and its end."""
LINES = 200

LARGEST_SERVICE_LOG = 10 * 2**20
"""Bytes of a service's log; what is older is in as many files as are kept beside it."""
KEPT = 3


def path_of(key: str) -> Path:
    return within(Path(settings.LOG_DIR) / "runs", key, ".log")


def trim(path: Path) -> None:
    """Cuts the middle out of a log that is too large. The trainer goes on writing at the end, whatever that now is."""
    if not path.exists() or path.stat().st_size <= LARGEST:
        return
    with path.open("r+b") as log:
        head = log.read(HEAD)
        log.seek(-TAIL, 2)
        left_out = log.tell() - HEAD
        tail = log.read()
        log.seek(0)
        log.write(head + f"\n… {left_out:,} bytes were left out here …\n".encode() + tail)
        log.truncate()


def rotate_all() -> None:
    """Rotates the logs of all services, which write at the end of their files, wherever that now is."""
    for path in Path(settings.LOG_DIR).glob("*.log"):
        with contextlib.suppress(OSError):  # another process does the same, or the disk is full: the next time
            rotate(path)


def rotate(path: Path) -> None:
    """Copies a log that has become too large to ``.1``, that one to ``.2`` and so on, and empties it.

    Moved away it would go on growing, as whoever writes holds it open.
    """
    if path.stat().st_size <= LARGEST_SERVICE_LOG:
        return
    kept = [path.with_name(f"{path.name}.{number}") for number in range(1, KEPT + 1)]
    for newer, older in zip(reversed(kept[:-1]), reversed(kept), strict=False):
        if newer.exists():
            newer.replace(older)
    try:
        shutil.copyfile(path, kept[0])
    finally:
        os.truncate(path, 0)


def lines(key: str, find: str = "", most: int = LINES) -> list[str]:
    """The last ``most`` lines that contain ``find``, in any case; none of a run that has written nothing."""
    wanted = find.casefold()
    try:
        with path_of(key).open(errors="replace") as log:
            return list(deque((line.rstrip("\n") for line in log if wanted in line.casefold()), maxlen=most))
    except FileNotFoundError:
        return []
