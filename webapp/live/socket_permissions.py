"""The check of all open sockets of a process: one look at the record for all of them, soon after access was changed somewhere.

A notification asks for it; without one it comes every two seconds, and when the first grant ends by itself.
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
"""How often sockets are checked without a notification."""

PAUSE_SECONDS = 0.1
"""Between two checks at least, however many notifications come."""

UNCERTAIN_SECONDS = 8.0
"""How long sockets stay open while the record cannot be read; then they close, and their pages connect again."""

NOT_FOUND = 4404
BROKEN = 1011

Rule = Callable[[Collection[Any]], dict[Any, Open]]
"""Of some grants of one kind those that still open something."""


class Socket(Protocol):
    grant: Hashable

    @property
    def rule(self) -> Rule: ...

    def end(self, code: int) -> None: ...


class Permissions:
    """The open sockets of this process and the task that checks them."""

    def __init__(self) -> None:
        self.sockets: set[Socket] = set()
        self._in_thread = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    def add(self, socket: Socket) -> None:
        if not self._tasks:
            notified = listen(ACCESS_CHANNEL, lambda _: self._in_thread.set())
            self._tasks = [asyncio.create_task(notified), asyncio.create_task(self._check_again_and_again())]
        self.sockets.add(socket)

    def remove(self, socket: Socket) -> None:
        self.sockets.discard(socket)
        if not self.sockets:
            for task in self._tasks:
                task.cancel()
            self._tasks = []

    async def _check_again_and_again(self) -> None:
        wait, certain = LOOK_SECONDS, time.monotonic()
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(wait):
                    await self._in_thread.wait()
            self._in_thread.clear()
            try:
                wait = await self._check()
                certain = time.monotonic()
            except Exception:
                wait = LOOK_SECONDS
                logger.exception("whose open sockets are cannot be looked up")
                if time.monotonic() - certain > UNCERTAIN_SECONDS:
                    self._end(set(self.sockets), BROKEN)
            await asyncio.sleep(PAUSE_SECONDS)

    async def _check(self) -> float:
        """Close what is not open any more; returns the seconds until the next check."""
        by_rule: defaultdict[Rule, set[Socket]] = defaultdict(set)
        for socket in self.sockets:
            by_rule[socket.rule].add(socket)
        wait = LOOK_SECONDS
        for rule, sockets in by_rule.items():
            found: dict[Hashable, Open] = await reading(rule, CHECKER)({socket.grant for socket in sockets})
            self._end({socket for socket in sockets if socket.grant not in found}, NOT_FOUND)
            ends = [one.until for one in found.values() if one.until]
            if ends:
                wait = min(wait, max(0.0, (min(ends) - timezone.now()).total_seconds()))
        return wait

    def _end(self, sockets: set[Socket], code: int) -> None:
        for socket in sockets & self.sockets:
            socket.end(code)


_permissions: dict[asyncio.AbstractEventLoop, Permissions] = {}


def permissions() -> Permissions:
    """Those of the running event loop; a web process has one."""
    return _permissions.setdefault(asyncio.get_running_loop(), Permissions())
