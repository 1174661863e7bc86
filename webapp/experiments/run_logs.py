"""The logs of runs: what trainers write to their standard error, a file for each run, kept within bounds.

A machine has a file for the attempts of its own workers. Where machines share a store, or a worker works by HTTPS, the file is
stored beside the run's artifacts at the end of each attempt, and the next attempt goes on with it.
"""

import logging
import tempfile
from collections import deque
from pathlib import Path

from django.conf import settings

from training.log_redaction import redact
from training.names import within
from training.storage.remote import StoreUnreachable, shared_remote

logger = logging.getLogger(__name__)

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


def publish(key: str) -> None:
    """Store the log for other machines at the end of an attempt, without secrets. Where that fails it stays on this one."""
    remote, path = shared_remote(), path_of(key)
    if remote is None or not path.exists():
        return
    trim(path)
    try:
        with tempfile.TemporaryDirectory() as folder:
            copy = Path(folder) / path.name
            copy.write_text(_own(key))
            remote.upload(copy, _name(key))
    except (OSError, StoreUnreachable) as error:  # also a full disk: the end of the attempt is recorded all the same
        logger.warning("The log of run %s stays on this machine. %s", key[:12], error)


def resume(key: str) -> None:
    """Begin an attempt with the log of the earlier ones on other machines."""
    own, stored = _own(key), _stored(key)
    if stored and stored not in own:
        path = path_of(key)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(_merged(own, stored))
        except OSError as error:
            logger.warning("The log of run %s begins with this attempt. %s", key[:12], error)


def _name(key: str) -> str:
    return f"runs/{key}/trainer.log"


def _own(key: str) -> str:
    """Return the log of this machine without secrets, which libraries print past the redaction of log records."""
    try:
        return redact(path_of(key).read_text(errors="replace"))
    except FileNotFoundError:
        return ""


def _stored(key: str) -> str:
    """Return the log in the store, empty without one and while the store cannot be reached."""
    try:
        remote = shared_remote()
        content = remote.read(_name(key)) if remote else (Path(settings.ARTIFACTS_DIR) / _name(key)).read_bytes()
    except (OSError, StoreUnreachable):
        return ""
    return redact(content.decode(errors="replace"))


def _merged(own: str, stored: str) -> str:
    """Return both logs, one of them where it contains the other."""
    if stored in own:
        return own
    return stored if own in stored else own + stored


def lines(key: str, find: str = "", most: int = LINES) -> list[str]:
    """The last ``most`` lines that contain ``find``, in any case; none for a run that has written nothing."""
    wanted = find.casefold()
    shown = _merged(_own(key), _stored(key)).splitlines()
    return list(deque((line for line in shown if wanted in line.casefold()), maxlen=most))


def text(key: str) -> str:
    """The whole log as it may be shown, empty for a run that has written nothing."""
    return _merged(_own(key), _stored(key))
