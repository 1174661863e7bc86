"""The socket of a live share: the curves of its experiment as they grow, for as long as its link is open."""

from collections.abc import Collection
from typing import ClassVar, NamedTuple

from webapp.live.consumers import ExperimentConsumer
from webapp.live.grants import AccountGrant, Open, account_of, open_accounts
from webapp.live.hub import Row
from webapp.live.permissions import Rule
from webapp.papers.choices import Choices
from webapp.shares.links import COOKIE, visited
from webapp.shares.models import Link, Share

SHOWN = {
    "started": ("total_steps", "resumed_from"),
    "metric": ("step", "loss", "confidence_weight", "threshold"),
    "evaluation": ("step", "accuracy", "agreement", "agreement_right", "agreement_wrong"),
}
"""What curves are made of; workers, devices, paths and accounts stay in the laboratory."""


class LinkGrant(NamedTuple):
    """A link as it was when the socket was opened: with another password it opens nothing more."""

    link: int
    password: str


def open_links(grants: Collection[LinkGrant]) -> dict[LinkGrant, Open]:
    """Those of open links to live shares that show curves."""
    links = Link.objects.select_related("share").in_bulk({grant.link for grant in grants})
    found = {}
    for grant in grants:
        link = links.get(grant.link)
        experiment = _streamed(link.share) if link and link.state == "open" and link.password == grant.password else None
        if link and experiment:
            found[grant] = Open(experiment, link.expires_at)
    return found


def open_permalinks(grants: Collection[AccountGrant]) -> dict[AccountGrant, Open]:
    """Those of accounts that are still logged in, to live shares that show curves."""
    accounts = open_accounts({grant.account for grant in grants})
    shares = Share.objects.in_bulk({grant.opens for grant in grants})
    found = {}
    for grant in grants:
        share = shares.get(grant.opens)
        experiment = _streamed(share) if share else None
        if grant.account in accounts and experiment:
            found[grant] = Open(experiment, accounts[grant.account])
    return found


def _streamed(share: Share) -> int | None:
    """The experiment of a live share; None of any other, and of one without the curves that all this is for."""
    return share.experiment_id if share.live and Choices.model_validate(share.choices).curves else None


class ShareConsumer(ExperimentConsumer):
    @staticmethod
    def shown(rows: list[Row]) -> list[Row]:
        return [{name: row.get(name) for name in ("seq", "kind", *SHOWN[row["kind"]])} for row in rows if row["kind"] in SHOWN]


class VisitorConsumer(ShareConsumer):
    """For who came through a link: the cookie of the handshake names it."""

    rules: ClassVar[Rule] = staticmethod(open_links)

    def asked(self) -> LinkGrant | None:
        link = visited(self.scope.get("cookies", {}).get(COOKIE, ""), self.scope["url_route"]["kwargs"]["slug"])
        return LinkGrant(link.pk, link.password) if link else None


class TeamConsumer(ShareConsumer):
    """For accounts, by the permalink."""

    rules: ClassVar[Rule] = staticmethod(open_permalinks)

    def asked(self) -> AccountGrant | None:
        account = account_of(self.scope)
        share = Share.objects.filter(slug=self.scope["url_route"]["kwargs"]["slug"]).first() if account else None
        return AccountGrant(account, share.pk) if account and share else None
