"""The hub of a web process: reads the new events of a watched run once, for all its viewers."""

import asyncio
import json
import logging
from collections import OrderedDict, defaultdict, deque
from collections.abc import Callable, Iterable
from itertools import takewhile
from typing import Any, Protocol

from webapp.experiments import queries
from webapp.live.notify import CHANNEL
from webapp.live.subscription import listen
from webapp.live.threads import reading

logger = logging.getLogger(__name__)

TAIL = 5000
"""Newest events of a run that a feed holds; a viewer further behind reads the database itself."""

TEXTS = 32
"""Lists of events that a feed holds as JSON, since viewers that are equally far receive the same text."""

LOOK_SECONDS = 3.0
"""The pause between two reads without a notification, so that a lost one costs seconds."""

Row = dict[str, Any]
Filter = Callable[[list[Row]], list[Row]]


@reading
def read_events(run_id: int, seq: int) -> list[Row]:
    return queries.events_after(run_id, seq)


class Viewer(Protocol):
    def wake(self, run_ids: Iterable[int], notified: bool) -> None: ...


class Feed:
    """The events of one run, shared by its viewers."""

    def __init__(self, run_id: int) -> None:
        self.run_id = run_id
        self.viewers: set[Viewer] = set()
        self.stale = True
        self._tail: deque[Row] = deque(maxlen=TAIL)
        self._texts: OrderedDict[tuple[Filter, int, int], str] = OrderedDict()
        self._last = 0
        self._lock = asyncio.Lock()

    async def since(self, seq: int) -> list[Row]:
        """Return events after ``seq``, oldest first; the first viewer after a notification reads for all."""
        async with self._lock:
            while self.stale:
                self.stale = False
                rows: list[Row]
                while rows := await read_events(self.run_id, self._last):
                    self._tail.extend(rows)
                    self._last = rows[-1]["seq"]
        if self._tail and seq < self._tail[0]["seq"] - 1:
            older: list[Row] = await read_events(self.run_id, seq)
            return older
        return list(takewhile(lambda row: row["seq"] > seq, reversed(self._tail)))[::-1]

    def text(self, rows: list[Row], shown: Filter) -> str:
        """Return the events of ``rows``, which are gapless, that pass the filter ``shown``, as JSON."""
        key = shown, rows[0]["seq"], rows[-1]["seq"]
        if key not in self._texts:
            self._texts[key] = json.dumps(shown(rows))
            if len(self._texts) > TEXTS:
                self._texts.popitem(last=False)
        return self._texts[key]


class Hub:
    """The feeds of this process, and its one subscription to notifications of runs."""

    def __init__(self) -> None:
        self.feeds: dict[int, Feed] = {}
        self._tasks: list[asyncio.Task[None]] = []

    def join(self, run_ids: Iterable[int], viewer: Viewer) -> None:
        if not self._tasks:
            self._tasks = [asyncio.create_task(listen(CHANNEL, self._receive)), asyncio.create_task(self._look())]
        for run_id in run_ids:
            feed = self.feeds.get(run_id)
            if feed is None:
                feed = self.feeds[run_id] = Feed(run_id)
            feed.viewers.add(viewer)
            feed.stale = True

    def leave(self, run_ids: Iterable[int], viewer: Viewer) -> None:
        for run_id in run_ids:
            if feed := self.feeds.get(run_id):
                feed.viewers.discard(viewer)
                if not feed.viewers:
                    del self.feeds[run_id]
        if not self.feeds:
            for task in self._tasks:
                task.cancel()
            self._tasks = []

    def wake(self, run_ids: Iterable[int], notified: bool) -> None:
        """Mark feeds as stale and wake their viewers, each once; ``notified`` after a notification that something is new."""
        woken: defaultdict[Viewer, list[int]] = defaultdict(list)
        for run_id in run_ids:
            if feed := self.feeds.get(run_id):
                feed.stale = True
                for viewer in feed.viewers:
                    woken[viewer].append(run_id)
        for viewer, theirs in woken.items():
            try:
                viewer.wake(theirs, notified)
            except Exception:
                logger.exception("a viewer could not be woken")

    def _receive(self, message: bytes | None) -> None:
        self.wake(list(self.feeds) if message is None else runs_of(message), notified=message is not None)

    async def _look(self) -> None:
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            self.wake(list(self.feeds), notified=False)


def runs_of(data: bytes | str) -> list[int]:
    """Return the runs that a notification names; none where it cannot be read."""
    try:
        content = json.loads(data)
    except ValueError:
        content = None
    if not isinstance(content, list):
        logger.warning("not a notification: %.200r", data)
        return []
    return [run_id for run_id in content if isinstance(run_id, int)]


_hubs: dict[asyncio.AbstractEventLoop, Hub] = {}


def hub() -> Hub:
    """Return the hub of the running event loop; a web process has one."""
    return _hubs.setdefault(asyncio.get_running_loop(), Hub())
