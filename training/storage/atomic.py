"""Atomic writing of files, and the detection of a full disk."""

import errno
import re
import secrets
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def atomic(target: Path) -> Iterator[Path]:
    """Yield a path beside ``target`` that replaces it when the block succeeds: readers see all of a file or none of it."""
    target.parent.mkdir(parents=True, exist_ok=True)
    path = target.with_name(f".{target.name}.{secrets.token_hex(8)}")
    path.touch(exist_ok=False)  # with the mode of the umask: files of tempfile would stay unreadable to a group
    try:
        yield path
        path.replace(target)
    finally:
        path.unlink(missing_ok=True)


def writable(folder: Path) -> None:
    """Make ``folder`` if there is none. Raises OSError where nothing can be written into it."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=folder):
        pass


FULL = (errno.ENOSPC, errno.EDQUOT)
FULL_DISK_MESSAGES = re.compile(r"no space left|os error (28|122)\b|\d+ requested and \d+ written", re.IGNORECASE)
"""Messages of libraries that raise errors of their own for a full disk: safetensors, and NumPy."""


def out_of_room(error: BaseException | None) -> bool:
    """Return whether ``error`` was raised because the disk, or its quota, is full."""
    while error is not None:
        if getattr(error, "errno", None) in FULL or FULL_DISK_MESSAGES.search(str(error)):
            return True
        error = error.__cause__ or error.__context__
    return False
