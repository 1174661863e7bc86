"""The socket of a live share: the curves of its experiment as they grow, for as long as its link is open."""

import asyncio
import logging
from typing import Any

from channels.db import database_sync_to_async
from django.contrib.auth.models import User

from webapp.live.consumers import NOT_FOUND, ExperimentConsumer
from webapp.shares.links import COOKIE, visited
from webapp.shares.models import Share

logger = logging.getLogger(__name__)

BROKEN = 1011
LOOK_SECONDS = 2.0
"""How often an open socket asks whether it still may be."""

SHOWN = {
    "started": ("total_steps", "resumed_from"),
    "metric": ("step", "loss"),
    "evaluation": ("step", "accuracy", "agreement", "agreement_right", "agreement_wrong"),
}
"""What curves are made of; workers, devices, paths and accounts stay in the laboratory."""


class ShareConsumer(ExperimentConsumer):
    watch: asyncio.Task[None] | None = None

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
            logger.exception("an open share cannot be looked up")
            code = BROKEN
        if self.pump:
            self.pump.cancel()
        await self.close(code=code)

    @database_sync_to_async
    def _found(self) -> tuple[int, ...] | None:
        """The runs of the experiment; None where there is no live share, or it is not open any more."""
        share = self.open_share(self.scope["url_route"]["kwargs"]["slug"])
        if share is None or not share.live or share.experiment is None:
            return None
        return tuple(share.experiment.runs.order_by("pk").distinct().values_list("pk", flat=True))

    def open_share(self, slug: str) -> Share | None:
        raise NotImplementedError

    def shown(self, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return [{name: row.get(name) for name in ("seq", "kind", *SHOWN[row["kind"]])} for row in rows if row["kind"] in SHOWN]

    async def disconnect(self, code: int) -> None:
        if self.watch:
            self.watch.cancel()
        await super().disconnect(code)


class VisitorConsumer(ShareConsumer):
    """For who came through a link: the cookie of the handshake names it."""

    def open_share(self, slug: str) -> Share | None:
        link = visited(self.scope.get("cookies", {}).get(COOKIE, ""), slug)
        return link.share if link else None


class TeamConsumer(ShareConsumer):
    """For accounts, by the permalink."""

    def open_share(self, slug: str) -> Share | None:
        user = User.objects.filter(pk=self.scope["user"].pk, is_active=True).first()
        return Share.objects.select_related("experiment").filter(slug=slug).first() if user else None
