"""The check of all open sockets of a process: a few queries for all of them, soon after access was changed anywhere.

It follows a notification; without one it is repeated every two seconds, and when the first grant ends by itself.
"""

import asyncio
import contextlib
import logging
import time
from collections import defaultdict
from collections.abc import Callable, Collection, Hashable
from typing import Any, Protocol

from django.utils import timezone

from webapp.live.notify import ACCESS_CHANNEL
from webapp.live.socket_grants import Open
from webapp.live.subscription import listen
from webapp.live.threads import CHECKER, reading

logger = logging.getLogger(__name__)

LOOK_SECONDS = 2.0
"""The pause between two checks without a notification."""

PAUSE_SECONDS = 0.1
"""The shortest time between two checks, however many notifications come."""

UNCERTAIN_SECONDS = 8.0
"""The time that sockets stay open while the database cannot be read; then they close, and their pages connect again."""

NOT_FOUND = 4404
BROKEN = 1011

Rule = Callable[[Collection[Any]], dict[Any, Open]]
"""Returns those of some grants of one kind that still give access."""


class Socket(Protocol):
    grant: Hashable

    @property
    def rule(self) -> Rule: ...

    def end(self, code: int) -> None: ...


class Permissions:
    """The open sockets of this process and the task that checks them."""

    def __init__(self) -> None:
        self.sockets: set[Socket] = set()
        self._notified = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    def add(self, socket: Socket) -> None:
        if not self._tasks:
            subscription = listen(ACCESS_CHANNEL, lambda _: self._notified.set())
            self._tasks = [asyncio.create_task(subscription), asyncio.create_task(self._check_repeatedly())]
        self.sockets.add(socket)

    def remove(self, socket: Socket) -> None:
        self.sockets.discard(socket)
        if not self.sockets:
            for task in self._tasks:
                task.cancel()
            self._tasks = []

    async def _check_repeatedly(self) -> None:
        wait, certain = LOOK_SECONDS, time.monotonic()
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(wait):
                    await self._notified.wait()
            self._notified.clear()
            try:
                wait = await self._check()
                certain = time.monotonic()
            except Exception:
                wait = LOOK_SECONDS
                logger.exception("the access of open sockets cannot be checked")
                if time.monotonic() - certain > UNCERTAIN_SECONDS:
                    self._end(set(self.sockets), BROKEN)
            await asyncio.sleep(PAUSE_SECONDS)

    async def _check(self) -> float:
        """Close the sockets whose access has ended; return the seconds until the next check."""
        by_rule: defaultdict[Rule, set[Socket]] = defaultdict(set)
        for socket in self.sockets:
            by_rule[socket.rule].add(socket)
        wait = LOOK_SECONDS
        for rule, sockets in by_rule.items():
            valid: dict[Hashable, Open] = await reading(rule, CHECKER)({socket.grant for socket in sockets})
            self._end({socket for socket in sockets if socket.grant not in valid}, NOT_FOUND)
            ends = [access.until for access in valid.values() if access.until]
            if ends:
                wait = min(wait, max(0.0, (min(ends) - timezone.now()).total_seconds()))
        return wait

    def _end(self, sockets: set[Socket], code: int) -> None:
        for socket in sockets & self.sockets:
            socket.end(code)


_permissions: dict[asyncio.AbstractEventLoop, Permissions] = {}


def permissions() -> Permissions:
    """Return the permissions of the running event loop; a web process has one."""
    return _permissions.setdefault(asyncio.get_running_loop(), Permissions())
