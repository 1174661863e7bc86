"""Preferences of accounts: short texts by name, which pages remember for a person."""

from django.contrib.auth.models import AnonymousUser, User

from webapp.accounts.models import LONGEST_PREFERENCE, Preference


def of(account: User | AnonymousUser, name: str) -> str:
    """Return the preference; empty for an account without it."""
    rows = Preference.objects.filter(account=account.pk, name=name)
    return rows.values_list("value", flat=True).first() or ""


def remember(account: User, name: str, value: str) -> None:
    Preference.objects.update_or_create(account=account, name=name, defaults={"value": value[:LONGEST_PREFERENCE]})
