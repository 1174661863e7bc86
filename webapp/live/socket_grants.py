"""By what right a socket is open, as a value that can be checked again, for all sockets of a process in a few queries."""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any, NamedTuple

from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.utils import timezone

from webapp.experiments import queries


class Open(NamedTuple):
    """What a grant opens, and when it ends by itself (None: only when something is changed).

    ``experiment`` is None where the experiment was deleted of which something frozen is open.
    """

    experiment: int | None
    until: datetime | None


class Account(NamedTuple):
    """An account that is logged in: ``secret`` changes with its password; ``session`` is None where there is none to end."""

    user: int
    secret: str
    session: str | None


class AccountGrant(NamedTuple):
    """``opens`` is the experiment, or whatever else is open to an account."""

    account: Account
    opens: int


def account_of(scope: Mapping[str, Any]) -> Account | None:
    """Who has opened a socket; None for whoever is not logged in."""
    user = scope["user"]
    if not user.is_authenticated:
        return None
    session = scope.get("session")
    return Account(user.pk, user.get_session_auth_hash(), session.session_key if session is not None else None)


def open_accounts(accounts: Collection[Account]) -> dict[Account, datetime | None]:
    """Those whose account is active, whose password is the same and whose session goes on, with the session's end."""
    users = {user.pk: user for user in User.objects.filter(pk__in={one.user for one in accounts}, is_active=True)}
    secrets = {pk: user.get_session_auth_hash() for pk, user in users.items()}
    keys = {one.session for one in accounts if one.session}
    ends = dict(Session.objects.filter(pk__in=keys, expire_date__gt=timezone.now()).values_list("pk", "expire_date"))
    return {
        one: ends[one.session] if one.session is not None else None
        for one in accounts
        if secrets.get(one.user) == one.secret and (one.session is None or one.session in ends)
    }


def open_experiments(grants: Collection[AccountGrant]) -> dict[AccountGrant, Open]:
    """Those whose account and experiment are still there."""
    accounts = open_accounts({grant.account for grant in grants})
    there = queries.visible_to_team({grant.opens for grant in grants})
    return {
        grant: Open(grant.opens, accounts[grant.account])
        for grant in grants
        if grant.account in accounts and grant.opens in there
    }
