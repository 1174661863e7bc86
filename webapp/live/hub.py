"""The hub of a web process: reads the new events of a watched run once, for all its viewers."""

import asyncio
import json
import logging
from collections import OrderedDict, defaultdict, deque
from collections.abc import Callable, Iterable, Mapping
from itertools import takewhile
from typing import Any, Protocol

from webapp.experiments import queries
from webapp.experiments.new_events import MOST_EVENTS, new_events
from webapp.experiments.stored_events import readable_page
from webapp.instruments import observe_lag
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


PAUSE_SECONDS = 0.1
"""The pause of a viewer between two frames."""

PAUSE_OF_EACH = 0.001
"""The least pause for each viewer of the process, so that very many cost no more than a thousand frames a second."""


@reading
def read_events(run_id: int, seq: int) -> list[Row]:
    return [queries.as_row(event) for event in readable_page(run_id, seq, MOST_EVENTS)]


@reading
def read_new(after: dict[int, int]) -> tuple[dict[int, list[Row]], set[int]]:
    return new_events(after)


class Viewer(Protocol):
    def wake(self, run_ids: Iterable[int], notified: bool) -> None: ...


class Feed:
    """The events of one run after number ``last``, shared by its viewers.

    It is ``stale`` when there may be newer ones, and ``notified`` when a notification said so.
    """

    def __init__(self, run_id: int, last: int) -> None:
        self.run_id = run_id
        self.viewers: set[Viewer] = set()
        self.stale = True
        self.notified = False
        self.last = last
        self._tail: deque[Row] = deque(maxlen=TAIL)
        self._texts: OrderedDict[tuple[Filter, int, int], str] = OrderedDict()

    def extend(self, rows: list[Row]) -> None:
        self._tail.extend(rows)
        self.last = rows[-1]["seq"]

    async def since(self, seq: int) -> list[Row]:
        """Return known events after ``seq``, oldest first."""
        if seq < (self._tail[0]["seq"] - 1 if self._tail else self.last):
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
        self._viewers: set[Viewer] = set()
        self._tasks: list[asyncio.Task[None]] = []
        self._lock = asyncio.Lock()

    @property
    def pause(self) -> float:
        return max(PAUSE_SECONDS, PAUSE_OF_EACH * len(self._viewers))

    def join(self, have: Mapping[int, int], viewer: Viewer) -> None:
        """Add a viewer who has events up to a number of each run."""
        if not self._tasks:
            self._tasks = [asyncio.create_task(listen(CHANNEL, self._receive)), asyncio.create_task(self._look())]
        self._viewers.add(viewer)
        for run_id, last in have.items():
            feed = self.feeds.get(run_id)
            if feed is None:
                feed = self.feeds[run_id] = Feed(run_id, last)
            feed.viewers.add(viewer)
            feed.stale = True

    async def refresh(self, run_ids: Iterable[int]) -> None:
        """Read what is new of these runs; the first viewer after a notification reads for all."""
        more = True
        while more:
            async with self._lock:
                stale = {run_id: feed for run_id in run_ids if (feed := self.feeds.get(run_id)) and feed.stale}
                more = await self._read(stale) if stale else False

    async def _read(self, stale: Mapping[int, Feed]) -> bool:
        """Read some of what is new; return whether there is more."""
        for feed in stale.values():
            feed.stale = False
        try:
            events, more = await read_new({run_id: feed.last for run_id, feed in stale.items()})
        except BaseException:  # also where the viewer who reads for all leaves
            for feed in stale.values():
                feed.stale = True
            raise
        for run_id, rows in events.items():
            feed = stale[run_id]
            feed.extend(rows)
            if feed.notified:
                observe_lag(rows[-1]["at"])
                feed.notified = False
        for run_id in more:
            stale[run_id].stale = True
        return bool(more)

    def leave(self, run_ids: Iterable[int], viewer: Viewer) -> None:
        self._viewers.discard(viewer)
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
                feed.stale, feed.notified = True, feed.notified or notified
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
