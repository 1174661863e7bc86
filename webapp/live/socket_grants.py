"""Grants: why a socket may be open, as a value that can be checked again, for all sockets of a process in a few queries."""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any, NamedTuple

from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.utils import timezone

from webapp.experiments import queries


class Open(NamedTuple):
    """The access that a grant gives, and when it ends by itself (None: only when something is changed).

    ``experiment`` is None for a frozen page whose experiment was deleted, and for a set of runs.
    """

    experiment: int | None
    until: datetime | None


class Account(NamedTuple):
    """An account that is logged in: ``secret`` changes with its password; ``session`` is None where it has no session."""

    user: int
    secret: str
    session: str | None


class RunsGrant(NamedTuple):
    """The access of an account to each of some runs."""

    account: Account
    runs: tuple[int, ...]


class AccountGrant(NamedTuple):
    """The access of an account to ``opens``, the number of an experiment or of a share."""

    account: Account
    opens: int


def account_of(scope: Mapping[str, Any]) -> Account | None:
    """Return the account that has opened a socket; None for a visitor who is not logged in."""
    user = scope["user"]
    if not user.is_authenticated:
        return None
    session = scope.get("session")
    return Account(user.pk, user.get_session_auth_hash(), session.session_key if session is not None else None)


def open_accounts(accounts: Collection[Account]) -> dict[Account, datetime | None]:
    """Return the accounts that are active, with the same password and an open session, and the end of the session."""
    users = {user.pk: user for user in User.objects.filter(pk__in={account.user for account in accounts}, is_active=True)}
    secrets = {pk: user.get_session_auth_hash() for pk, user in users.items()}
    keys = {account.session for account in accounts if account.session}
    ends = dict(Session.objects.filter(pk__in=keys, expire_date__gt=timezone.now()).values_list("pk", "expire_date"))
    return {
        account: ends[account.session] if account.session is not None else None
        for account in accounts
        if secrets.get(account.user) == account.secret and (account.session is None or account.session in ends)
    }


def open_experiments(grants: Collection[AccountGrant]) -> dict[AccountGrant, Open]:
    """Return the grants whose account is open and whose experiment exists."""
    accounts = open_accounts({grant.account for grant in grants})
    existing = queries.visible_to_team({grant.opens for grant in grants})
    return {
        grant: Open(grant.opens, accounts[grant.account])
        for grant in grants
        if grant.account in accounts and grant.opens in existing
    }


def open_runs(grants: Collection[RunsGrant]) -> dict[RunsGrant, Open]:
    """Return the grants whose account is open and all of whose runs belong to an experiment that it may see."""
    accounts = open_accounts({grant.account for grant in grants})
    existing = queries.runs_visible_to_team({run for grant in grants for run in grant.runs})
    return {
        grant: Open(None, accounts[grant.account])
        for grant in grants
        if grant.account in accounts and existing.issuperset(grant.runs)
    }
