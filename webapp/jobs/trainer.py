"""The training child: a process of its own, in its own process group, that tells events on its standard output.

It is forked by a server that this worker starts once, and which has imported torch already.
"""

import contextlib
import os
import queue
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import deque
from pathlib import Path
from typing import BinaryIO

from django.conf import settings
from pydantic import ValidationError

from training import Event, RunSpec
from training.events import EVENT
from training.fork_server import die_with_parent

STOP_GRACE_SECONDS = 4.0
LOG_LINES = 40
LIGHT = {"OPENBLAS_NUM_THREADS": "1", "PYTORCH_NVML_BASED_CUDA_CHECK": "1"}
"""A process that forks has no threads, which NumPy would start, and does not touch the GPU, not even to see if it is there."""


class Server:
    """A running ``python -m training serve``, which trains one run at a time. What it says while it starts is in ``log``."""

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
        self.door = ours
        self.answers = ours.makefile("rb")

    @property
    def alive(self) -> bool:
        return self.process.poll() is None

    def ask(self, store: Path, descriptors: list[int]) -> None:
        with contextlib.suppress(BrokenPipeError):  # it has died, and its answer will say so
            socket.send_fds(self.door, [os.fsencode(store)], descriptors)

    def answer(self) -> int | None:
        """The trainer's process id, later its exit status; None when the server has died."""
        try:
            return int(self.answers.readline())
        except (ValueError, OSError):
            return None

    def close(self) -> None:
        self.answers.close()
        self.door.close()
        self.process.kill()
        self.process.wait()


_servers: list[Server] = []
"""The server of this process, once it has trained something."""


def server(log: BinaryIO) -> Server:
    """The one that waits, or a new one."""
    if _servers and not _servers[0].alive:
        _servers.pop().close()
    if not _servers:
        _servers.append(Server(log))
    return _servers[0]


class Trainer:
    """A run in training. The only process that computes with torch and holds the accelerator."""

    def __init__(self, run: RunSpec, store: Path, log: Path) -> None:
        log.parent.mkdir(parents=True, exist_ok=True)
        self.log = log
        told, tell = os.pipe()
        output, written = os.pipe()
        with log.open("ab") as stderr:
            self.server = server(stderr)
            self.server.ask(store, [told, written, stderr.fileno()])
        os.close(told)
        os.close(written)
        with contextlib.suppress(BrokenPipeError), os.fdopen(tell, "wb") as stdin:
            stdin.write(run.model_dump_json().encode())
        self.output = os.fdopen(output, "rb")
        self.pid: int | None = None
        self.status: int | None = None
        self._events: queue.Queue[Event | None] = queue.Queue(maxsize=10_000)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        self._kill_at: float | None = None

    def _read(self) -> None:
        self.pid = self.server.answer()
        with self.output as output:
            for line in output:
                try:
                    self._events.put(EVENT.validate_json(line))
                except ValidationError as error:
                    with self.log.open("a") as log:
                        log.write(f"not an event: {line!r}: {error}\n")
        self._events.put(None)
        self.status = self.server.answer()

    def next_event(self, timeout: float) -> Event | None:
        """The next event; raises queue.Empty when none came in time, returns None once there will be no more."""
        return self._events.get(timeout=timeout)

    def stop(self) -> None:
        """Asks the trainer to save a checkpoint and end; called again after the grace it kills the whole process group."""
        if self._kill_at is None:
            self._kill_at = time.monotonic() + STOP_GRACE_SECONDS
            self._signal(signal.SIGTERM)
        elif time.monotonic() > self._kill_at:
            self._signal(signal.SIGKILL)

    @property
    def stopping(self) -> bool:
        """Whether it was asked to stop."""
        return self._kill_at is not None

    def kill(self) -> None:
        """Kills whatever is left of the process group, and sees that the server is ready for the next run or gone."""
        self._signal(signal.SIGKILL)
        self._reader.join(STOP_GRACE_SECONDS)
        if self._reader.is_alive():
            self.server.process.kill()

    def _signal(self, sig: signal.Signals) -> None:
        """To the trainer; to the server while that is still starting, and with it to whatever it may be forking."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid or self.server.process.pid, sig)

    def end(self) -> int:
        """The exit status, once the output has ended; whatever is left of the process group is killed."""
        self._reader.join(10)
        self.kill()
        if self.status is not None:
            return self.status
        return self.server.process.wait()  # it died, and its trainer with it

    def log_tail(self) -> str:
        with self.log.open(errors="replace") as lines:
            return "".join(deque(lines, maxlen=LOG_LINES))
