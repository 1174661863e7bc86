"""A worker that reaches the laboratory by HTTPS alone: it polls for work, without a broker and without the database."""

import contextlib
import fcntl
import logging
import os
import random
import re
import signal
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.conf import settings

from webapp import tracing
from webapp.jobs import presence
from webapp.jobs.https_record import HttpsRecord
from webapp.jobs.shutdown import shutting_down
from webapp.jobs.tasks import claim_and_work

logger = logging.getLogger(__name__)

FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 1.0, 10.0
"""Between two requests for work, as long as there is none."""


class NameTaken(Exception):
    """Another worker with this name runs on this data folder."""


def full_name(name: str) -> str:
    """Return the worker's name with that of this machine."""
    return f"{name}@{re.sub(r'[^A-Za-z0-9._-]', '-', socket.gethostname())[:100] or 'localhost'}"


def serve(server: str, name: str) -> None:
    """Train runs of the laboratory at ``server`` until this process is asked to end. Raises Refused, NameTaken."""
    full = full_name(name)
    record = HttpsRecord(server, full)
    for sig in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(sig, _end)
    with _alone(name):
        tracing.start("worker")
        presence.register(full, record)
        present = threading.Thread(target=presence.stay, args=(full, record), daemon=True)
        present.start()
        os.environ["ARTIFACTS_URL"] = record.url  # for trainers
        try:
            _poll(record, full)
        finally:
            presence.ended.set()
            presence.leave(full, record)


def _end(*_: Any) -> None:
    """Ask for the end, the second time without giving anything back first."""
    if shutting_down.is_set():
        signal.raise_signal(signal.SIGKILL)
    threading.Thread(target=shutting_down.set).start()  # not here: the interrupted code may hold its lock


@contextlib.contextmanager
def _alone(name: str) -> Iterator[None]:
    """Hold a lock, since a claim gives back what the same worker held before. Raises NameTaken."""
    with (Path(settings.DATA_DIR) / f"worker-{name}.lock").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise NameTaken(f"A worker called {name} runs here already; give this one another name with --name.") from None
        yield


def _poll(record: HttpsRecord, name: str) -> None:
    pause = FIRST_PAUSE_SECONDS
    while not shutting_down.is_set():
        if claim_and_work(record, name):
            pause = FIRST_PAUSE_SECONDS
            continue
        shutting_down.wait(pause * random.uniform(0.5, 1))  # nosec B311 # no secret
        pause = min(1.5 * pause, LONGEST_PAUSE_SECONDS)
