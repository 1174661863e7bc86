"""Modules as processes that are forked from this one, so that what it has imported takes neither time nor memory again."""

import os
import runpy
import signal
import subprocess
import sys
import warnings
from collections.abc import Iterable, Mapping, Sequence
from multiprocessing.context import ForkProcess
from pathlib import Path
from typing import Protocol

from django.db import connections

from training.fork_server import die_with_parent, name_process

HANDLED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
"""Signals that a supervisor handles in a way of its own."""


class Closing(Protocol):
    """A file, socket or other resource."""

    def close(self) -> None: ...


class Fork(ForkProcess):
    """``python -m module arguments`` in a fork, with the methods of subprocess.Popen that a supervisor needs.

    The fork has a session of its own, writes to the file descriptor ``output``, is sent ``death`` when this process ends, and
    closes ``inherited``, which is this process's alone. This process must have no threads.
    """

    def __init__(
        self,
        name: str,
        words: Sequence[str],
        output: int,
        *,
        death: signal.Signals,
        environment: Mapping[str, str],
        inherited: Iterable[Closing],
        folder: Path,
    ) -> None:
        super().__init__(name=name)
        self._words, self._output, self._death = list(words), output, death
        self._added, self._inherited, self._folder = environment, inherited, folder
        connections.close_all()  # a connection serves one process
        waiting = signal.pthread_sigmask(signal.SIG_BLOCK, HANDLED)  # the fork handles none as this process does
        try:
            self.start()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, waiting)

    def run(self) -> None:
        for sig in HANDLED:
            signal.signal(sig, signal.default_int_handler if sig == signal.SIGINT else signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, HANDLED)
        os.setsid()
        die_with_parent(self._death)
        if os.getppid() != self._parent_pid:  # type: ignore[attr-defined]
            return  # it died first
        for descriptor in (1, 2):
            os.dup2(self._output, descriptor)
        for resource in self._inherited:
            resource.close()
        os.environ |= self._added
        os.chdir(self._folder)
        name_process(self.name)
        sys.argv = self._words
        # This process may have imported a part of the module already, of which runpy warns.
        warnings.filterwarnings("ignore", category=RuntimeWarning, module="runpy")
        runpy.run_module(self._words[0], run_name="__main__", alter_sys=True)

    @property
    def pid(self) -> int:
        assert self.ident is not None  # it was started
        return self.ident

    def poll(self) -> int | None:
        return self.exitcode

    def wait(self, timeout: float | None = None) -> int:
        """Return the exit status. Raises subprocess.TimeoutExpired."""
        self.join(timeout)
        if self.exitcode is None:
            raise subprocess.TimeoutExpired(self._words, timeout or 0)
        return self.exitcode
