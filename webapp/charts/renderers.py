"""Renderers: few files are made at a time, requesters take turns, and visitors never occupy all renderers.

A request that renders belongs to a requester: an account or a visitor. Rendering without a request, as when a share is frozen,
belongs to the laboratory. Visitors may use fewer renderers than there are, so that neither accounts nor freezing wait for them.
"""

import threading
from collections import Counter, OrderedDict, deque
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import NamedTuple

AT_ONCE = 2
"""Files that one web process renders at the same time; each takes about 100 to 150 MB."""

OF_VISITORS = 1
"""Files among these that are rendered for visitors."""

WAITING = 16
"""Most files of visitors that wait; more are refused."""

OF_VISITOR, OF_ACCOUNT = 2, 4
"""Most requests of one visitor, and of one account, that render or wait at the same time."""

RETRY_SECONDS = 5


class NotDrawn(Exception):
    """The reason why there is no file, as a sentence."""


class TooMany(NotDrawn):
    """The requester, or all visitors together, have too many requests; another try may succeed after ``retry`` seconds."""

    retry = RETRY_SECONDS


class Asker(NamedTuple):
    name: str
    visitor: bool


LABORATORY = Asker("", visitor=False)
_asker: ContextVar[Asker] = ContextVar("asker", default=LABORATORY)
_counted: ContextVar[bool] = ContextVar("counted", default=False)


@contextmanager
def rendering_for(name: str, visitor: bool) -> Iterator[None]:
    """Count rendering inside this context for this requester."""
    before = _asker.set(Asker(name, visitor))
    try:
        yield
    finally:
        _asker.reset(before)


def asker() -> Asker:
    return _asker.get()


class Renderers:
    """The renderers of this process and the queue for them: each requester in turn, first come, first served."""

    def __init__(self, at_once: int = AT_ONCE, of_visitors: int = OF_VISITORS, waiting: int = WAITING) -> None:
        self._free, self._free_for_visitors, self._places = at_once, of_visitors, waiting
        self._lock = threading.Lock()
        self._queues: OrderedDict[Asker, deque[threading.Event]] = OrderedDict()
        self._requests: Counter[Asker] = Counter()

    @contextmanager
    def request(self) -> Iterator[None]:
        """Count one request of the requester, however many files it renders. Raises TooMany."""
        requester = asker()
        if _counted.get() or requester == LABORATORY:
            yield
            return
        most = OF_VISITOR if requester.visitor else OF_ACCOUNT
        with self._lock:
            if self._requests[requester] >= most:
                raise TooMany(f"{most} files are being made for you. Try again in {RETRY_SECONDS} seconds.")
            self._requests[requester] += 1
        counted = _counted.set(True)
        try:
            yield
        finally:
            _counted.reset(counted)
            with self._lock:
                self._requests[requester] -= 1
                if not self._requests[requester]:
                    del self._requests[requester]

    @contextmanager
    def turn(self, seconds: float) -> Iterator[None]:
        """Wait for a renderer and hold it. Raises TooMany, and NotDrawn if the wait takes longer than ``seconds``."""
        requester, granted = asker(), threading.Event()
        with self._lock:
            if (
                requester.visitor
                and sum(len(queue) for waiting, queue in self._queues.items() if waiting.visitor) >= self._places
            ):
                raise TooMany(f"Many files are being made for others. Try again in {RETRY_SECONDS} seconds.")
            self._queues.setdefault(requester, deque()).append(granted)
            self._grant()
        try:
            if not granted.wait(seconds):
                raise NotDrawn("Other files are being made. Try again in a minute.")
            yield
        finally:
            with self._lock:
                if granted.is_set():
                    self._free += 1
                    self._free_for_visitors += requester.visitor
                else:
                    self._forget(requester, granted)
                self._grant()

    def _grant(self) -> None:
        """Hand out the free renderers; a requester that got one is last in turn."""
        while self._free:
            following = next((waiting for waiting in self._queues if not waiting.visitor or self._free_for_visitors), None)
            if following is None:
                return
            granted = self._queues[following][0]
            self._queues.move_to_end(following)
            self._forget(following, granted)
            self._free -= 1
            self._free_for_visitors -= following.visitor
            granted.set()

    def _forget(self, requester: Asker, granted: threading.Event) -> None:
        self._queues[requester].remove(granted)
        if not self._queues[requester]:
            del self._queues[requester]


RENDERERS = Renderers()
