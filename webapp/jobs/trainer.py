"""The training child: a process in a process group of its own, whose standard output is events.

It is forked by a fork server that the worker starts once, and which has imported torch already.
"""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

from django.conf import settings
from pydantic import ValidationError

from training import RunSpec
from training.events import RUN_EVENT, RunEvent
from training.fork_server import die_with_parent
from training.log_redaction import redact
from webapp.child_processes import STOP_GRACE_SECONDS, ProcessGroup

LOG_LINES = 40
MOST_EVENTS = 10_000
"""Events that are read ahead of the recorder; then the trainer waits."""

LIGHT = {"OPENBLAS_NUM_THREADS": "1", "PYTORCH_NVML_BASED_CUDA_CHECK": "1"}
"""A process that forks must have no threads, which NumPy would start, and must not initialize the GPU."""


class ForkServer:
    """A running ``python -m training serve``, which has one trainer at a time. Its error output is in ``log``."""

    def __init__(self, log: BinaryIO) -> None:
        ours, theirs = socket.socketpair()
        with theirs:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "training", "serve"],
                stdin=theirs.fileno(),
                stdout=subprocess.DEVNULL,
                stderr=log,
                start_new_session=True,
                preexec_fn=lambda: die_with_parent(signal.SIGTERM),
                cwd=settings.BASE_DIR,
                env=os.environ | LIGHT,
            )
        self._socket = ours
        self._responses = ours.makefile("rb")

    @property
    def alive(self) -> bool:
        return self.process.poll() is None

    def request(self, store: Path, descriptors: list[int]) -> None:
        """Request a trainer with these file descriptors as standard input, output and error."""
        with contextlib.suppress(BrokenPipeError):  # it has died, as its response shows
            socket.send_fds(self._socket, [os.fsencode(store)], descriptors)

    def response(self) -> int | None:
        """Return the trainer's process id, and when called again its exit status; None when the server has died."""
        try:
            return int(self._responses.readline())
        except (ValueError, OSError):
            return None

    def close(self) -> None:
        self._responses.close()
        self._socket.close()
        self.process.kill()
        self.process.wait()


_servers: list[ForkServer] = []
"""The fork server of this process, once it has trained a run."""


def fork_server(log: BinaryIO) -> ForkServer:
    """Return the fork server that is idle, or a new one."""
    if _servers and not _servers[0].alive:
        _servers.pop().close()
    if not _servers:
        _servers.append(ForkServer(log))
    return _servers[0]


class Trainer(ProcessGroup[RunEvent]):
    """Runs in training, by one process. Only this process computes with torch and holds the accelerator."""

    def __init__(self, runs: Sequence[RunSpec], store: Path, log: Path, beside: Sequence[str] = ()) -> None:
        """Start to train ``runs``; features of the models ``beside`` are computed with theirs."""
        log.parent.mkdir(parents=True, exist_ok=True)
        self.log = log
        requests_in, requests_out = os.pipe()
        events_in, events_out = os.pipe()
        with log.open("ab") as stderr:
            self.server = fork_server(stderr)
            self.server.request(store, [requests_in, events_out, stderr.fileno()])
        os.close(requests_in)
        os.close(events_out)
        self._requests = os.fdopen(requests_out, "wb")
        documents = [run.model_dump_json() for run in runs] + ([json.dumps(beside)] if beside else [])
        self._unsent: str | None = "\n".join(documents) + "\n\n"
        self._sending = threading.Lock()
        self.pid: int | None = None
        self.status: int | None = None
        super().__init__(os.fdopen(events_in, "rb"), RUN_EVENT, MOST_EVENTS)
        self._reader.start()

    @property
    def group(self) -> int:
        """The trainer; the server while that is still starting, and with it the process that it may be forking."""
        return self.pid or self.server.process.pid

    def _read(self) -> None:
        self.pid = self.server.response()
        with self._sending:  # here, as a pipe does not hold many runs before the trainer reads them
            first, self._unsent = self._unsent or "", None
            self._request(first)
        super()._read()
        with contextlib.suppress(BrokenPipeError):
            self._requests.close()
        self.status = self.server.response()

    def stop_run(self, key: str) -> None:
        """Ask for the end of one run of several; the others go on. While the server still starts, the request waits."""
        with self._sending:
            if self._unsent is None:
                self._request(f"{key}\n")
            else:
                self._unsent += f"{key}\n"

    def _request(self, text: str) -> None:
        with contextlib.suppress(BrokenPipeError, ValueError):  # it has ended
            self._requests.write(text.encode())
            self._requests.flush()

    def refuse(self, line: bytes, error: ValidationError) -> None:
        with self.log.open("a") as log:
            log.write(f"not an event: {line!r}: {error}\n")

    def kill(self) -> None:
        """Kill the rest of the process group, and wait until the server is ready for the next run or gone."""
        super().kill()
        self._reader.join(STOP_GRACE_SECONDS)
        if self._reader.is_alive():
            self.server.process.kill()

    def end(self) -> int:
        """Return the exit status, once the output has ended; the rest of the process group is killed."""
        self._reader.join(10)
        self.kill()
        if self.status is not None:
            return self.status
        return self.server.process.wait()  # it died, and its trainer with it

    def log_tail(self) -> str:
        with self.log.open(errors="replace") as lines:
            return redact("".join(deque(lines, maxlen=LOG_LINES)))
