"""Who may render a file now: a few at a time, in turn between those who ask, and visitors never all of them.

A request that renders belongs to an asker, an account or a visitor; what nobody asked for, as when a share is frozen, belongs to
the laboratory. Visitors have fewer renderers than there are, so that neither accounts nor freezing wait behind them.
"""

import threading
from collections import Counter, OrderedDict, deque
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import NamedTuple

AT_ONCE = 2
"""Files that one web process renders at the same time; each takes some 100 to 150 MB."""

OF_VISITORS = 1
"""Of these for visitors."""

WAITING = 16
"""Renderings of visitors that may wait; more are refused."""

OF_VISITOR, OF_ACCOUNT = 2, 4
"""Requests of one asker that may render or wait at the same time."""

RETRY_SECONDS = 5


class NotDrawn(Exception):
    """Why there is no file, as a sentence."""


class TooMany(NotDrawn):
    """The asker, or all visitors, ask for too much at once; it is worth another try after ``retry`` seconds."""

    retry = RETRY_SECONDS


class Asker(NamedTuple):
    name: str
    visitor: bool


LABORATORY = Asker("", visitor=False)
_asker: ContextVar[Asker] = ContextVar("asker", default=LABORATORY)
_counted: ContextVar[bool] = ContextVar("counted", default=False)


@contextmanager
def asked_by(name: str, visitor: bool) -> Iterator[None]:
    """What is rendered inside belongs to this asker."""
    before = _asker.set(Asker(name, visitor))
    try:
        yield
    finally:
        _asker.reset(before)


def asker() -> Asker:
    return _asker.get()


class Renderers:
    """The renderers of this process, and who waits for one: first come, first served, one of each asker in turn."""

    def __init__(self, at_once: int = AT_ONCE, of_visitors: int = OF_VISITORS, waiting: int = WAITING) -> None:
        self._free, self._free_for_visitors, self._places = at_once, of_visitors, waiting
        self._lock = threading.Lock()
        self._queues: OrderedDict[Asker, deque[threading.Event]] = OrderedDict()
        self._requests: Counter[Asker] = Counter()

    @contextmanager
    def request(self) -> Iterator[None]:
        """One request of the asker, however much it renders. Raises TooMany."""
        mine = asker()
        if _counted.get() or mine == LABORATORY:
            yield
            return
        most = OF_VISITOR if mine.visitor else OF_ACCOUNT
        with self._lock:
            if self._requests[mine] >= most:
                raise TooMany(f"{most} files are being made for you. Try again in {RETRY_SECONDS} seconds.")
            self._requests[mine] += 1
        counted = _counted.set(True)
        try:
            yield
        finally:
            _counted.reset(counted)
            with self._lock:
                self._requests[mine] -= 1
                if not self._requests[mine]:
                    del self._requests[mine]

    @contextmanager
    def turn(self, seconds: float) -> Iterator[None]:
        """One renderer, once it is the asker's turn. Raises TooMany, and NotDrawn where that takes longer than ``seconds``."""
        mine, granted = asker(), threading.Event()
        with self._lock:
            if mine.visitor and sum(len(queue) for one, queue in self._queues.items() if one.visitor) >= self._places:
                raise TooMany(f"Many files are being made for others. Try again in {RETRY_SECONDS} seconds.")
            self._queues.setdefault(mine, deque()).append(granted)
            self._grant()
        try:
            if not granted.wait(seconds):
                raise NotDrawn("Other files are being made. Try again in a minute.")
            yield
        finally:
            with self._lock:
                if granted.is_set():
                    self._free += 1
                    self._free_for_visitors += mine.visitor
                else:
                    self._forget(mine, granted)
                self._grant()

    def _grant(self) -> None:
        """Hand out what is free; whoever got a renderer is last in turn."""
        while self._free:
            next_one = next((one for one in self._queues if not one.visitor or self._free_for_visitors), None)
            if next_one is None:
                return
            granted = self._queues[next_one][0]
            self._queues.move_to_end(next_one)
            self._forget(next_one, granted)
            self._free -= 1
            self._free_for_visitors -= next_one.visitor
            granted.set()

    def _forget(self, mine: Asker, granted: threading.Event) -> None:
        self._queues[mine].remove(granted)
        if not self._queues[mine]:
            del self._queues[mine]


RENDERERS = Renderers()
