"""One process of the laboratory, supervised by webapp/stack.py."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field

from django.conf import settings

from training.fork_server import FORKS, die_with_parent
from webapp.forks import Closing, Fork

LONGEST_PAUSE_SECONDS = 30.0


@dataclass
class Service:
    """A child that is restarted when it ends; ``death`` is the signal that the kernel sends it if this process is killed."""

    name: str
    command: list[str]
    """A module of Python, ``[sys.executable, "-m", ...]``, is forked from this process where the system allows."""
    death: signal.Signals = signal.SIGTERM
    fds: tuple[int, ...] = ()
    environment: dict[str, str] = field(default_factory=dict)
    """Variables added to the environment of this process."""
    inherited: tuple[Closing, ...] = ()
    """Resources that a fork closes, since they belong to this process alone."""
    process: subprocess.Popen[bytes] | Fork | None = None
    started: float = 0.0
    deaths: int = 0

    def start(self) -> subprocess.Popen[bytes] | Fork:
        settings.LOG_DIR.mkdir(parents=True, exist_ok=True)
        # A separate session: Ctrl-C in the terminal reaches this process alone, which stops the others in order.
        with (settings.LOG_DIR / f"{self.name}.log").open("ab") as log:
            if FORKS and self.command[:2] == [sys.executable, "-m"]:
                self.process = Fork(
                    f"w2s-{self.name}",
                    self.command[2:],
                    log.fileno(),
                    death=self.death,
                    environment=self.environment,
                    inherited=(log, *self.inherited),
                    folder=settings.BASE_DIR,
                )
            else:
                self.process = subprocess.Popen(
                    self.command,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                    preexec_fn=lambda: die_with_parent(self.death),
                    pass_fds=self.fds,
                    cwd=settings.BASE_DIR,
                    env=os.environ | self.environment,
                )
        self.started = time.monotonic()
        return self.process

    def mend(self) -> None:
        """Restart the child if it has ended: at once the first time, then after growing pauses."""
        if self.process is None or self.process.poll() is None:
            return
        if time.monotonic() - self.started > LONGEST_PAUSE_SECONDS:
            self.deaths = 0
        pause = min(LONGEST_PAUSE_SECONDS, 2.0**self.deaths - 1)
        if time.monotonic() - self.started >= pause:
            self.deaths += 1
            self.start()

    def stop(self, deadline: float) -> None:
        if self.process is None:
            return
        try:
            self.process.wait(max(0.1, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()

    def ask_to_stop(self) -> None:
        if self.process and self.process.poll() is None:
            self.process.terminate()
