"""The sockets of shares. Every page of a share has a socket that closes when its access ends; a live share has another one for
the curves of its experiment as they grow.
"""

from collections.abc import Callable, Collection
from typing import Any, ClassVar, NamedTuple

from webapp.charts.metrics import fields
from webapp.live.consumers import AccessConsumer, ExperimentConsumer
from webapp.live.hub import Row
from webapp.live.socket_grants import AccountGrant, Open, account_of, open_accounts
from webapp.live.socket_permissions import Rule
from webapp.reports.choices import Choices
from webapp.shares.links import COOKIE, link_of, visited
from webapp.shares.models import Link, Share

SHOWN = {
    "started": ("total_steps", "resumed_from"),
    "metric": ("step", *fields("metric")),
    "evaluation": ("step", *fields("evaluation")),
}
"""Fields of events that curves need; workers, devices, paths and accounts are not sent."""


class LinkGrant(NamedTuple):
    """A link as it was when the socket was opened: with another password it opens nothing more."""

    link: int
    password: str


def open_links(grants: Collection[LinkGrant]) -> dict[LinkGrant, Open]:
    """Return the grants of open links to a share that has something to show."""
    return _links(grants, _shows)


def streamed_links(grants: Collection[LinkGrant]) -> dict[LinkGrant, Open]:
    """Return the grants of open links to live shares with curves."""
    return _links(grants, _streams)


def open_permalinks(grants: Collection[AccountGrant]) -> dict[AccountGrant, Open]:
    """Return the grants of accounts that are still logged in, to a share that has something to show."""
    return _permalinks(grants, _shows)


def streamed_permalinks(grants: Collection[AccountGrant]) -> dict[AccountGrant, Open]:
    """Return the grants of accounts that are still logged in, to live shares with curves."""
    return _permalinks(grants, _streams)


def _links(grants: Collection[LinkGrant], shows: Callable[[Share], bool]) -> dict[LinkGrant, Open]:
    links = Link.objects.select_related("share").in_bulk({grant.link for grant in grants})
    opened = {}
    for grant in grants:
        link = links.get(grant.link)
        if link and link.state == "open" and link.password == grant.password and shows(link.share):
            opened[grant] = Open(link.share.experiment_id, link.expires_at)
    return opened


def _permalinks(grants: Collection[AccountGrant], shows: Callable[[Share], bool]) -> dict[AccountGrant, Open]:
    accounts = open_accounts({grant.account for grant in grants})
    shares = Share.objects.in_bulk({grant.opens for grant in grants})
    opened = {}
    for grant in grants:
        share = shares.get(grant.opens)
        if grant.account in accounts and share and shows(share):
            opened[grant] = Open(share.experiment_id, accounts[grant.account])
    return opened


def _shows(share: Share) -> bool:
    return share.shows


def _streams(share: Share) -> bool:
    """Return whether the share is a live page with curves."""
    return share.live and share.shows and Choices.model_validate(share.choices).curves


def link_grant(link: Link | None) -> LinkGrant | None:
    return LinkGrant(link.pk, link.password) if link else None


def by_cookie(scope: Any) -> LinkGrant | None:
    """Return the grant of the link that the cookie of the handshake names."""
    return link_grant(visited(scope.get("cookies", {}).get(COOKIE, ""), scope["url_route"]["kwargs"]["slug"]))


def by_account(scope: Any) -> AccountGrant | None:
    """Return the grant of the logged-in account, which may see every share."""
    account = account_of(scope)
    share = Share.objects.filter(slug=scope["url_route"]["kwargs"]["slug"]).first() if account else None
    return AccountGrant(account, share.pk) if account and share else None


class VisitorAccess(AccessConsumer):
    """Access to pages behind a link."""

    rules: ClassVar[Rule] = staticmethod(open_links)

    def requested_grant(self) -> LinkGrant | None:
        return by_cookie(self.scope)


class TeamAccess(AccessConsumer):
    """Access of accounts to pages at the permalink."""

    rules: ClassVar[Rule] = staticmethod(open_permalinks)

    def requested_grant(self) -> AccountGrant | None:
        return by_account(self.scope)


class EmbedAccess(AccessConsumer):
    """Access to an embedded chart, whose address contains the token of the link. A link with a password opens none."""

    rules: ClassVar[Rule] = staticmethod(open_links)

    def requested_grant(self) -> LinkGrant | None:
        link = link_of(self.scope["url_route"]["kwargs"]["token"])
        return link_grant(link) if link and not link.password else None


class ShareConsumer(ExperimentConsumer):
    @staticmethod
    def shown(rows: list[Row]) -> list[Row]:
        return [{name: row.get(name) for name in ("seq", "kind", *SHOWN[row["kind"]])} for row in rows if row["kind"] in SHOWN]


class VisitorConsumer(ShareConsumer):
    """Curves for visitors behind a link."""

    rules: ClassVar[Rule] = staticmethod(streamed_links)

    def requested_grant(self) -> LinkGrant | None:
        return by_cookie(self.scope)


class TeamConsumer(ShareConsumer):
    """Curves for accounts at the permalink."""

    rules: ClassVar[Rule] = staticmethod(streamed_permalinks)

    def requested_grant(self) -> AccountGrant | None:
        return by_account(self.scope)
