"""The sockets of pages: one that says whether a page is still open, and one that streams an experiment to its page.

Of the second connecting, the doorbell and a ping all mean: send what was not sent yet.
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

COALESCE_SECONDS = 0.2
FRAME_EVENTS = 1000
UNREADABLE = 4400


class AccessConsumer(AsyncJsonWebsocketConsumer):
    """The socket of a page that does not change: open for as long as what the page shows is open to who looks at it.

    It says {"open": true} once it is, and again in answer to any message. It closes with NOT_FOUND when it is not any more.
    """

    channel_layer_alias = "off"  # the record is read, nothing is sent through a channel layer

    rules: ClassVar[Rule]
    """What of the grants of such sockets is still open."""

    grant: Any = None
    ending: asyncio.Task[None] | None = None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """However the socket ends, also by a message that cannot be read, nothing of it goes on."""

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
        """The right by which the socket is open, None where it opens nothing."""
        grant = self.asked()
        found = self.rule([grant]).get(grant) if grant else None
        if found is None:
            return None
        self.prepare(found)
        return grant

    @property
    def rule(self) -> Rule:
        return type(self).rules

    def asked(self) -> Any:
        """By what right the socket wants to be open, to be checked by ``rules``; None for whoever has none."""
        raise NotImplementedError

    def prepare(self, found: Open) -> None:
        """Read what the socket needs of what is open to it."""

    async def opened(self) -> None:
        await self.send_json({"open": True})

    def stop(self) -> None:
        """End what goes on beside the socket."""

    def end(self, code: int) -> None:
        """Close the socket, which sends nothing more."""
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

    The page says once what it has: {"have": {run id: last seq}}; later messages are pings, answered at once so that the
    page knows that it is heard. Another frame without events means that the doorbell rang for something else, such as
    a new result.
    """

    rules: ClassVar[Rule] = staticmethod(open_experiments)
    run_ids: tuple[int, ...] = ()
    pump: asyncio.Task[None] | None = None

    def asked(self) -> Any:
        account = account_of(self.scope)
        return AccountGrant(account, self.scope["url_route"]["kwargs"]["experiment_id"]) if account else None

    def prepare(self, found: Open) -> None:
        runs = Run.objects.filter(experiments=found.experiment).order_by("pk").distinct()
        self.run_ids = tuple(runs.values_list("pk", flat=True))

    async def opened(self) -> None:
        """Wait for what the page says it has."""

    def stop(self) -> None:
        if self.pump:
            hub().leave(self.run_ids, self)
            self.pump.cancel()

    async def receive_json(self, content: Any, **_: Any) -> None:
        if self.pump is None:
            self.sent = numbers(content, self.run_ids)
            self.dirty, self.rung, self.bell = set[int](), False, asyncio.Event()
            hub().join(self.run_ids, self)
            self.pump = asyncio.create_task(self._guard())
        else:
            await self.send_json({"runs": {}, "pong": True})
        self.wake(self.run_ids, rung=False)

    def wake(self, run_ids: Iterable[int], rung: bool) -> None:
        self.dirty.update(run_ids)
        self.rung = self.rung or rung
        self.bell.set()

    async def _guard(self) -> None:
        """A pump that breaks closes the socket, so that the page connects again instead of waiting for ever."""
        try:
            await self._pump()
        except Exception:
            logger.exception("a viewer's pump broke")
            await self.close(code=BROKEN)

    async def _pump(self) -> None:
        rooms, shown = hub().rooms, type(self).shown
        while True:
            await self.bell.wait()
            self.bell.clear()
            dirty, self.dirty, rung, self.rung = self.dirty, set(), self.rung, False
            frame: dict[int, list[Row]] = {}
            for run_id in sorted(dirty):
                if sum(map(len, frame.values())) >= FRAME_EVENTS:
                    self.wake([run_id], rung=False)
                elif rows := (await rooms[run_id].since(self.sent[run_id]))[:FRAME_EVENTS]:
                    frame[run_id] = rows
                    if len(rows) == FRAME_EVENTS:
                        self.wake([run_id], rung=False)
            if frame or rung:
                runs = ", ".join(f'"{run_id}": {rooms[run_id].text(rows, shown)}' for run_id, rows in frame.items())
                await self.send(text_data=f'{{"runs": {{{runs}}}}}')
                self.sent |= {run_id: rows[-1]["seq"] for run_id, rows in frame.items()}
            await asyncio.sleep(COALESCE_SECONDS)

    @staticmethod
    def shown(rows: list[Row]) -> list[Row]:
        """What of new events such a socket passes on: all of them."""
        return rows


def numbers(content: Any, run_ids: Iterable[int]) -> dict[int, int]:
    """The last events that a page says it has, by run; 0 where it says nothing that could be one."""
    have = content.get("have") if isinstance(content, Mapping) else None
    known = have if isinstance(have, Mapping) else {}
    return {pk: whole(known.get(str(pk))) or 0 for pk in run_ids}
