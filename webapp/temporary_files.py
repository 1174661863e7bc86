"""Temporary files of a process, on the disk of the uploads; they are deleted with the process."""

import fcntl
import os
import shutil
import tempfile
import time
from pathlib import Path
from typing import IO

from django.conf import settings

PREFIX = "work-"
LOCK = ".lock"
STALE_SECONDS = 24 * 3600

_held: dict[int, tuple[Path, IO[str]]] = {}
"""Folders by process id, as a fork has a folder of its own. The open file is a lock, which ends with the process in any case."""


def folder() -> Path:
    """Return the folder of this process. Folders of killed processes are deleted when it is made."""
    held = _held.get(os.getpid())
    if held and held[0].exists():
        return held[0]
    root = Path(settings.UPLOADS_DIR)
    root.mkdir(parents=True, exist_ok=True)
    with (root / LOCK).open("a") as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)  # so that a folder in the making is not taken for an abandoned one
        _clear(root)
        made = Path(tempfile.mkdtemp(prefix=PREFIX, dir=root))
        lock = (made / LOCK).open("w")
        fcntl.flock(lock, fcntl.LOCK_EX)
    _held[os.getpid()] = made, lock
    return made


def _clear(root: Path) -> None:
    for left in root.glob(f"{PREFIX}*"):
        try:
            with (left / LOCK).open("a") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(left, ignore_errors=True)
        except BlockingIOError:
            continue  # its process is running
        except OSError:
            shutil.rmtree(left, ignore_errors=True)
    for left in root.glob("tmp*"):  # of versions without this module
        if left.lstat().st_mtime < time.time() - STALE_SECONDS:
            shutil.rmtree(left, ignore_errors=True) if left.is_dir() else left.unlink(missing_ok=True)
