"""The logs of runs: what trainers write to their standard error, a file for each run, kept within bounds."""

from collections import deque
from pathlib import Path

from django.conf import settings

from training.log_redaction import redact
from training.names import within

LARGEST = 2**20
HEAD, TAIL = 2**18, 2**19
"""Bytes that stay of a log that is too large: its beginning, which shows how the run was started, and its end."""
LINES = 200


def path_of(key: str) -> Path:
    return within(Path(settings.LOG_DIR) / "runs", key, ".log")


def note(key: str, line: str) -> None:
    """Add a line to the log of a run that has none of its own in this attempt."""
    path = path_of(key)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as log:
        log.write(f"{line}\n")


def trim(path: Path) -> None:
    """Cut the middle out of a log that is too large. The trainer goes on writing at the new end."""
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


def lines(key: str, find: str = "", most: int = LINES) -> list[str]:
    """The last ``most`` lines that contain ``find``, in any case; none for a run that has written nothing."""
    wanted = find.casefold()
    try:
        with path_of(key).open(errors="replace") as log:
            return list(deque((line for line in map(_shown, log) if wanted in line.casefold()), maxlen=most))
    except FileNotFoundError:
        return []


def text(key: str) -> str:
    """The whole log as it may be shown. Raises FileNotFoundError."""
    return redact(path_of(key).read_text(errors="replace"))


def _shown(line: str) -> str:
    """Return the line without secrets: libraries print what they like, past the redaction of log records."""
    return redact(line.rstrip("\n"))
