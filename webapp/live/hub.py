"""One hub in each web process: reads what is new of a watched run once, for all who watch it."""

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
"""Newest events of a run that a room keeps; a viewer further behind reads the database itself."""

TEXTS = 32
"""Lists of events that a room keeps as JSON: viewers who are equally far receive the same text."""

LOOK_SECONDS = 3.0
"""How often rooms look at the database without having been woken, so that a lost nudge costs seconds."""

Row = dict[str, Any]
Shown = Callable[[list[Row]], list[Row]]


@reading
def read_events(run_id: int, seq: int) -> list[Row]:
    return queries.events_after(run_id, seq)


class Viewer(Protocol):
    def wake(self, run_ids: Iterable[int], rung: bool) -> None: ...


class Room:
    """The events of one run, shared by its viewers."""

    def __init__(self, run_id: int) -> None:
        self.run_id = run_id
        self.viewers: set[Viewer] = set()
        self.stale = True
        self._tail: deque[Row] = deque(maxlen=TAIL)
        self._texts: OrderedDict[tuple[Shown, int, int], str] = OrderedDict()
        self._last = 0
        self._lock = asyncio.Lock()

    async def since(self, seq: int) -> list[Row]:
        """Events after ``seq``, oldest first; the first viewer who asks after a nudge reads for all."""
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

    def text(self, rows: list[Row], shown: Shown) -> str:
        """What ``shown`` lets through of ``rows``, which are gapless, as JSON."""
        key = shown, rows[0]["seq"], rows[-1]["seq"]
        if key not in self._texts:
            self._texts[key] = json.dumps(shown(rows))
            if len(self._texts) > TEXTS:
                self._texts.popitem(last=False)
        return self._texts[key]


class Hub:
    """The rooms of this process, and the one subscription to the doorbell."""

    def __init__(self) -> None:
        self.rooms: dict[int, Room] = {}
        self._tasks: list[asyncio.Task[None]] = []

    def join(self, run_ids: Iterable[int], viewer: Viewer) -> None:
        if not self._tasks:
            self._tasks = [asyncio.create_task(listen(CHANNEL, self._heard)), asyncio.create_task(self._look())]
        for run_id in run_ids:
            room = self.rooms.get(run_id)
            if room is None:
                room = self.rooms[run_id] = Room(run_id)
            room.viewers.add(viewer)
            room.stale = True

    def leave(self, run_ids: Iterable[int], viewer: Viewer) -> None:
        for run_id in run_ids:
            if room := self.rooms.get(run_id):
                room.viewers.discard(viewer)
                if not room.viewers:
                    del self.rooms[run_id]
        if not self.rooms:
            for task in self._tasks:
                task.cancel()
            self._tasks = []

    def wake(self, run_ids: Iterable[int], rung: bool) -> None:
        """Marks rooms as stale and wakes their viewers, each once; ``rung`` when a nudge said that there is news."""
        woken: defaultdict[Viewer, list[int]] = defaultdict(list)
        for run_id in run_ids:
            if room := self.rooms.get(run_id):
                room.stale = True
                for viewer in room.viewers:
                    woken[viewer].append(run_id)
        for viewer, theirs in woken.items():
            try:
                viewer.wake(theirs, rung)
            except Exception:
                logger.exception("a viewer could not be woken")

    def _heard(self, message: bytes | None) -> None:
        self.wake(list(self.rooms) if message is None else news_of(message), rung=message is not None)

    async def _look(self) -> None:
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            self.wake(list(self.rooms), rung=False)


def news_of(data: bytes | str) -> list[int]:
    """The runs that a nudge names; none where it is not one of ours."""
    try:
        found = json.loads(data)
    except ValueError:
        found = None
    if not isinstance(found, list):
        logger.warning("not a nudge: %.200r", data)
        return []
    return [run_id for run_id in found if isinstance(run_id, int)]


_hubs: dict[asyncio.AbstractEventLoop, Hub] = {}


def hub() -> Hub:
    """The hub of the running event loop; a web process has one."""
    return _hubs.setdefault(asyncio.get_running_loop(), Hub())
