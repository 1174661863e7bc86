"""The sockets of pages: one that reports whether a page is still open, and one that streams an experiment to its page.

The second sends what was not sent yet when the page connects, after a notification, and after a ping.
"""

import asyncio
import contextlib
import json
import logging
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

from channels.generic.websocket import AsyncJsonWebsocketConsumer

from webapp.experiments.models import Run
from webapp.live.hub import Row, hub
from webapp.live.socket_grants import AccountGrant, Open, account_of, open_experiments
from webapp.live.socket_permissions import BROKEN, NOT_FOUND, Rule, permissions
from webapp.live.threads import reading
from webapp.parsing import whole

logger = logging.getLogger(__name__)

FRAME_EVENTS = 1000
ENDS = frozenset({"finished", "stopped", "failed"})
"""Kinds of events that a page which sleeps is told about."""
UNREADABLE = 4400


class AccessConsumer(AsyncJsonWebsocketConsumer):
    """The socket of a page that does not change: open for as long as its visitor may see the page.

    It sends {"open": true} at first, and in answer to any message. It closes with NOT_FOUND when access has ended.
    """

    channel_layer_alias = "off"  # the database is read, nothing is sent through a channel layer

    rules: ClassVar[Rule]
    """Returns the grants of such sockets that still give access."""

    grant: Any = None
    ending: asyncio.Task[None] | None = None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Serve the socket. However it ends, also by a message that cannot be read, none of its tasks goes on."""

        async def send_while_open(message: Any) -> None:
            # A send after the client has gone raises a subclass of OSError (ASGI 2.4). `websocket.disconnect` follows.
            with contextlib.suppress(OSError):
                await send(message)

        try:
            await super().__call__(scope, receive, send_while_open)
        finally:
            permissions().remove(self)
            self.stop()

    async def connect(self) -> None:
        grant = await self._granted()
        await self.accept()
        if grant is None:
            await self.close(code=NOT_FOUND)
        else:
            self.grant = grant
            permissions().add(self)
            await self.opened()

    @reading
    def _granted(self) -> Any:
        """Return the grant of the socket, None where it gives no access."""
        grant = self.requested_grant()
        access = self.rule([grant]).get(grant) if grant else None
        if access is None:
            return None
        self.prepare(access)
        return grant

    @property
    def rule(self) -> Rule:
        return type(self).rules

    def requested_grant(self) -> Any:
        """Return the grant that the socket requests, to be checked by ``rules``; None for a visitor without one."""
        raise NotImplementedError

    def prepare(self, access: Open) -> None:
        """Read what the socket needs, once it has access."""

    async def opened(self) -> None:
        await self.send_json({"open": True})

    def stop(self) -> None:
        """End the tasks of the socket."""

    def end(self, code: int) -> None:
        """Close the socket; it sends nothing more."""
        permissions().remove(self)
        self.stop()
        self.ending = asyncio.create_task(self.close(code=code))

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None, **_: Any) -> None:
        try:
            content = json.loads(text_data or "")
        except (ValueError, RecursionError):
            self.end(UNREADABLE)
            return
        if not self.ending and self.grant is not None:
            await self.receive_json(content)

    async def receive_json(self, content: Any, **_: Any) -> None:
        await self.opened()


class ExperimentConsumer(AccessConsumer):
    """Sends {"runs": {run id: [event, ...]}} with the events of each run in order, gapless and each once.

    The first message of the page lists the events that it has: {"have": {run id: last seq}}. Later messages are pings, answered
    at once so that the page knows that the connection works. A frame without events and without pong means that something else
    is new, such as a result.

    Any message may say whether the page is "asleep": then it gets no events, and {"runs": {}, "ended": true} when a run has
    ended or something else is new. Awake again, it gets all that it does not have.
    """

    rules: ClassVar[Rule] = staticmethod(open_experiments)
    last: Mapping[int, int] = {}
    """The number of the last event of each run when the page connected."""
    pump: asyncio.Task[None] | None = None
    asleep = False

    def requested_grant(self) -> Any:
        account = account_of(self.scope)
        return AccountGrant(account, self.scope["url_route"]["kwargs"]["experiment_id"]) if account else None

    def prepare(self, access: Open) -> None:
        runs = Run.objects.filter(experiments=access.experiment).order_by("pk").distinct()
        self.last = dict(runs.values_list("pk", "last_seq"))

    async def opened(self) -> None:
        """Send nothing until the page has sent its first message."""

    def stop(self) -> None:
        if self.pump:
            hub().leave(self.last, self)
            self.pump.cancel()

    async def receive_json(self, content: Any, **_: Any) -> None:
        asleep = content.get("asleep") if isinstance(content, Mapping) else None
        if isinstance(asleep, bool):
            self.asleep, self.noted = asleep, dict[int, int]()
        if self.pump is None:
            self.sent = numbers(content, self.last)
            self.dirty, self.notified, self.woken = set[int](), False, asyncio.Event()
            hub().join(self.sent, self)
            self.pump = asyncio.create_task(self._guard())
        else:
            await self.send_json({"runs": {}, "pong": True})
        self.wake(self.last, notified=False)

    def wake(self, run_ids: Iterable[int], notified: bool) -> None:
        self.dirty.update(run_ids)
        self.notified = self.notified or notified
        self.woken.set()

    async def _guard(self) -> None:
        """Close the socket when its pump fails, so that the page connects again instead of waiting forever."""
        try:
            await self._pump()
        except Exception:
            logger.exception("a viewer's pump failed")
            await self.close(code=BROKEN)

    async def _pump(self) -> None:
        while True:
            await self.woken.wait()
            self.woken.clear()
            dirty, self.dirty, notified, self.notified = self.dirty, set(), self.notified, False
            await hub().refresh(dirty)
            await (self._note_ends if self.asleep else self._send_events)(dirty, notified)
            await asyncio.sleep(hub().pause)

    async def _send_events(self, run_ids: Iterable[int], notified: bool) -> None:
        """Send what was not sent of these runs, at most about ``FRAME_EVENTS``; the rest in the next round."""
        feeds, frame = hub().feeds, dict[int, list[Row]]()
        for run_id in sorted(run_ids):
            if sum(map(len, frame.values())) >= FRAME_EVENTS:
                self.wake([run_id], notified=False)
            elif rows := (await feeds[run_id].since(self.sent[run_id]))[:FRAME_EVENTS]:
                frame[run_id] = rows
                if len(rows) == FRAME_EVENTS:
                    self.wake([run_id], notified=False)
        if frame or notified:
            shown = type(self).shown
            runs = ", ".join(f'"{run_id}": {feeds[run_id].text(rows, shown)}' for run_id, rows in frame.items())
            await self.send(text_data=f'{{"runs": {{{runs}}}}}')
            self.sent |= {run_id: rows[-1]["seq"] for run_id, rows in frame.items()}

    async def _note_ends(self, run_ids: Iterable[int], notified: bool) -> None:
        """Tell a page that sleeps that runs have ended, or that it was ``notified`` of what is no event."""
        feeds, new = hub().feeds, list[Row]()
        for run_id in run_ids:
            rows = await feeds[run_id].since(max(self.sent[run_id], self.noted.get(run_id, 0)))
            if rows:
                new += rows
                self.noted[run_id] = rows[-1]["seq"]
        if any(row["kind"] in ENDS for row in new) or (notified and not new):
            await self.send_json({"runs": {}, "ended": True})

    @staticmethod
    def shown(rows: list[Row]) -> list[Row]:
        """Return the new events that such a socket sends: all of them."""
        return rows


def numbers(content: Any, last: Mapping[int, int]) -> dict[int, int]:
    """Return the number of the last event that the page has of each run: 0 where its message names none, ``last`` at most."""
    have = content.get("have") if isinstance(content, Mapping) else None
    known = have if isinstance(have, Mapping) else {}
    return {pk: min(whole(known.get(str(pk))) or 0, number) for pk, number in last.items()}
