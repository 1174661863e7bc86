"""The training child: a process of its own, in its own process group, that tells events on its standard output."""

import contextlib
import ctypes
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from pathlib import Path

from django.conf import settings
from pydantic import ValidationError

from training import Event, RunSpec
from training.events import EVENT

PR_SET_PDEATHSIG = 1
STOP_GRACE_SECONDS = 4.0
LOG_LINES = 40


def die_with_parent(sig: signal.Signals) -> None:
    """For a child before exec: the kernel sends it ``sig`` when the thread that started it ends, however that happens."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, sig)


class Trainer:
    """A running ``python -m training execute``. The only process that imports torch and holds the accelerator."""

    def __init__(self, run: RunSpec, store: Path, log: Path) -> None:
        log.parent.mkdir(parents=True, exist_ok=True)
        self.log = log
        with log.open("ab") as stderr:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "training", "execute", "--store", str(store)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=stderr,
                start_new_session=True,
                preexec_fn=lambda: die_with_parent(signal.SIGTERM),
                cwd=settings.BASE_DIR,
            )
        assert self.process.stdin
        with contextlib.suppress(BrokenPipeError), self.process.stdin as stdin:
            stdin.write(run.model_dump_json().encode())
        self._events: queue.Queue[Event | None] = queue.Queue(maxsize=10_000)
        threading.Thread(target=self._read, daemon=True).start()
        self._kill_at: float | None = None

    def _read(self) -> None:
        assert self.process.stdout
        for line in self.process.stdout:
            try:
                self._events.put(EVENT.validate_json(line))
            except ValidationError as error:
                with self.log.open("a") as log:
                    log.write(f"not an event: {line!r}: {error}\n")
        self._events.put(None)

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
        self._signal(signal.SIGKILL)

    def _signal(self, sig: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, sig)

    def end(self) -> int:
        """The exit status, once the output has ended; whatever is left of the process group is killed."""
        try:
            return self.process.wait(10)
        except subprocess.TimeoutExpired:
            return self._killed()
        finally:
            self.kill()

    def _killed(self) -> int:
        self.kill()
        return self.process.wait()

    def log_tail(self) -> str:
        with self.log.open(errors="replace") as lines:
            return "".join(deque(lines, maxlen=LOG_LINES))
