"""The socket of a live share: the curves of its experiment as they grow, for as long as its link is open."""

from typing import Any

from django.contrib.auth.models import User

from webapp.experiments.models import Experiment
from webapp.live.consumers import ExperimentConsumer
from webapp.papers.choices import Choices
from webapp.shares.links import COOKIE, visited
from webapp.shares.models import Share

SHOWN = {
    "started": ("total_steps", "resumed_from"),
    "metric": ("step", "loss", "confidence_weight", "threshold"),
    "evaluation": ("step", "accuracy", "agreement", "agreement_right", "agreement_wrong"),
}
"""What curves are made of; workers, devices, paths and accounts stay in the laboratory."""


class ShareConsumer(ExperimentConsumer):
    def open_experiment(self) -> Experiment | None:
        """None too of a share that is not live, and of one without the curves that all this is for."""
        share = self.open_share(self.scope["url_route"]["kwargs"]["slug"])
        if share is None or not share.live or not Choices.model_validate(share.choices).curves:
            return None
        return share.experiment

    def open_share(self, slug: str) -> Share | None:
        raise NotImplementedError

    def shown(self, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return [{name: row.get(name) for name in ("seq", "kind", *SHOWN[row["kind"]])} for row in rows if row["kind"] in SHOWN]


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
