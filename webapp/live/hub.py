"""One hub in each web process: reads what is new of a watched run once, for all who watch it."""

import asyncio
import json
import logging
from collections import defaultdict, deque
from collections.abc import Iterable
from typing import Any, Protocol

import redis.asyncio as aredis
from channels.db import database_sync_to_async
from django.conf import settings
from redis import RedisError

from webapp.experiments import queries
from webapp.live.nudge import CHANNEL

logger = logging.getLogger(__name__)

TAIL = 5000
"""Newest events of a run that a room keeps; a viewer further behind reads the database itself."""

LOOK_SECONDS = 3.0
"""How often rooms look at the database without having been woken, so that a lost nudge costs seconds."""

Row = dict[str, Any]


@database_sync_to_async
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
        return [row for row in self._tail if row["seq"] > seq]


class Hub:
    """The rooms of this process, and the one subscription to the doorbell."""

    def __init__(self) -> None:
        self.rooms: dict[int, Room] = {}
        self._tasks: list[asyncio.Task[None]] = []

    def join(self, run_ids: Iterable[int], viewer: Viewer) -> None:
        if not self._tasks:
            self._tasks = [asyncio.create_task(self._listen()), asyncio.create_task(self._look())]
        for run_id in run_ids:
            room = self.rooms.setdefault(run_id, Room(run_id))
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

    async def _look(self) -> None:
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            self.wake(list(self.rooms), rung=False)

    async def _listen(self) -> None:
        while True:
            try:
                # No socket timeout: a subscription is silent for as long as nothing happens.
                async with (
                    aredis.from_url(settings.REDIS_URL, socket_timeout=None, socket_connect_timeout=2) as client,
                    client.pubsub(ignore_subscribe_messages=True) as subscription,
                ):
                    await subscription.subscribe(CHANNEL)
                    self.wake(list(self.rooms), rung=False)
                    async for message in subscription.listen():
                        self.wake(news_of(message["data"]), rung=True)
            except (RedisError, OSError) as error:
                logger.warning("no doorbell, rooms look at the database by themselves: %s", error)
            await asyncio.sleep(1)


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
