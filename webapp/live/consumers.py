"""The socket of an experiment's page. Connecting, the doorbell and a ping all mean: send what was not sent yet."""

import asyncio
import logging
from collections.abc import Iterable
from typing import Any

from channels.db import database_sync_to_async
from channels.generic.websocket import AsyncJsonWebsocketConsumer
from django.contrib.auth.models import User

from webapp.experiments import queries
from webapp.experiments.models import Experiment
from webapp.live.hub import hub
from webapp.typed import whole

logger = logging.getLogger(__name__)

COALESCE_SECONDS = 0.2
FRAME_EVENTS = 1000
NOT_FOUND = 4404
BROKEN = 1011
LOOK_SECONDS = 2.0
"""How often an open socket asks whether it still may be."""


class ExperimentConsumer(AsyncJsonWebsocketConsumer):
    """Sends {"runs": {run id: [event, ...]}} with the events of each run in order, gapless and each once.

    The page says once what it has: {"have": {run id: last seq}}; later messages are pings, answered at once so that the
    page knows that it is heard. Another frame without events means that the doorbell rang for something else, such as
    a new result.
    """

    channel_layer_alias = "off"  # the record is read, nothing is sent through a channel layer

    run_ids: tuple[int, ...] = ()
    pump: asyncio.Task[None] | None = None
    watch: asyncio.Task[None] | None = None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """However the socket ends, also by a message that cannot be read, nothing of it goes on."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            if self.watch:
                self.watch.cancel()
            if self.pump:
                hub().leave(self.run_ids, self)
                self.pump.cancel()

    async def connect(self) -> None:
        found = await self._found()
        await self.accept()
        if found is None:
            await self.close(code=NOT_FOUND)
        else:
            self.run_ids = found
            self.watch = asyncio.create_task(self._watch())

    async def _watch(self) -> None:
        code = NOT_FOUND
        try:
            while await self._found() is not None:
                await asyncio.sleep(LOOK_SECONDS)
        except Exception:
            logger.exception("whose an open socket is cannot be looked up")
            code = BROKEN
        if self.pump:
            self.pump.cancel()
        await self.close(code=code)

    @database_sync_to_async
    def _found(self) -> tuple[int, ...] | None:
        experiment = self.open_experiment()
        return None if experiment is None else tuple(experiment.runs.order_by("pk").distinct().values_list("pk", flat=True))

    def open_experiment(self) -> Experiment | None:
        """What the socket tells of; None where there is no such thing, or it is not open any more."""
        user = User.objects.filter(pk=self.scope["user"].pk, is_active=True).first()
        number = self.scope["url_route"]["kwargs"]["experiment_id"]
        return queries.visible(user).filter(pk=number).first() if user else None

    async def receive_json(self, content: Any, **_: Any) -> None:
        if self.pump is None:
            have = content.get("have") if isinstance(content, dict) else None
            known = have if isinstance(have, dict) else {}
            self.sent = {pk: whole(known.get(str(pk))) or 0 for pk in self.run_ids}
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
        rooms = hub().rooms
        while True:
            await self.bell.wait()
            self.bell.clear()
            dirty, self.dirty, rung, self.rung = self.dirty, set(), self.rung, False
            frame: dict[int, list[dict[str, Any]]] = {}
            for run_id in sorted(dirty):
                if sum(map(len, frame.values())) >= FRAME_EVENTS:
                    self.wake([run_id], rung=False)
                elif rows := (await rooms[run_id].since(self.sent[run_id]))[:FRAME_EVENTS]:
                    frame[run_id] = rows
                    if len(rows) == FRAME_EVENTS:
                        self.wake([run_id], rung=False)
            if frame or rung:
                await self.send_json({"runs": {run_id: self.shown(rows) for run_id, rows in frame.items()}})
                self.sent |= {run_id: rows[-1]["seq"] for run_id, rows in frame.items()}
            await asyncio.sleep(COALESCE_SECONDS)

    def shown(self, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """What of new events this socket passes on: all of them."""
        return rows
