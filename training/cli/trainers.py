"""The trainers of a command: this process itself, or several that are forked from it, each with its share of the cores."""

import os
import signal
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import AbstractContextManager, nullcontext
from multiprocessing import get_context
from types import TracebackType

from training import preload
from training.cli.exits import FAILED
from training.fork_server import die_with_parent

Work = Callable[[Sequence[str], Sequence[str]], int]
"""Trains the runs with the keys of a group, and computes features of further models with theirs; returns an exit code."""

LOOK_SECONDS = 0.2
"""Seconds between two looks at whether a stop was requested."""


class Trainers:
    """At most ``number`` groups of runs at work at a time, as a context manager.

    A single one trains in this process, which keeps tokens, features and embeddings for the next. Others train in processes of
    their own, until ``should_stop`` returns true in this one.
    """

    def __init__(self, number: int, should_stop: Callable[[], bool]) -> None:
        self._number, self._should_stop = number, should_stop
        self._groups = dict[Future[int], Sequence[str]]()
        self._pool: ProcessPoolExecutor | None = None
        self.turns: AbstractContextManager[object] = nullcontext()
        """To be held while a line is written, so that lines of several trainers are not mixed."""
        if number > 1:
            context = get_context("fork")
            self._stop, self.turns = context.Event(), context.Lock()

    def stopping(self) -> bool:
        """Return whether a trainer is to stop. To be called in the process that trains."""
        return self._should_stop() if self._number == 1 else self._stop.is_set()

    def begin(self, work: Work) -> "Trainers":
        """Have groups trained by ``work``. Nothing may have been computed in this process before."""
        self._work = work
        if self._number > 1:
            os.environ.setdefault("W2S_TRAINERS", str(self._number))
            preload()  # once, for all of them
            self._pool = ProcessPoolExecutor(self._number, get_context("fork"), _begin, (work,))
        return self

    def __enter__(self) -> "Trainers":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._pool is not None:
            self._stop.set()
            self._pool.shutdown()

    @property
    def running(self) -> set[str]:
        """The keys of the runs at work."""
        return {key for group in self._groups.values() for key in group}

    @property
    def free(self) -> bool:
        """True where one more group can start."""
        return len(self._groups) < self._number

    def start(self, group: Sequence[str], beside: Sequence[str]) -> None:
        if self._pool is not None:
            self._groups[self._pool.submit(_train, group, beside)] = group
            return
        done = Future[int]()
        done.set_result(self._work(group, beside))
        self._groups[done] = group

    def ended(self) -> Iterator[int]:
        """Wait for the end of a group, and yield the exit code of each that has ended. One that is not 0 stops the others."""
        while not (done := wait(self._groups, LOOK_SECONDS, FIRST_COMPLETED).done):
            if self._should_stop():
                self._stop.set()
        for future in done:
            del self._groups[future]
            code = FAILED if isinstance(future.exception(), BrokenProcessPool) else future.result()
            if code and self._pool is not None:
                self._stop.set()
            yield code


_work: Work


def _begin(work: Work) -> None:
    """Prepare a forked trainer: an interrupt is for its parent, which has all trainers stop."""
    global _work
    _work = work
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    die_with_parent(signal.SIGTERM)


def _train(group: Sequence[str], beside: Sequence[str]) -> int:
    return _work(group, beside)
