"""Visits to the home page, by the database's clock: what ended since the last one is new, however often the page is loaded."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.contrib.auth.models import User
from django.db.models import F
from django.db.models.functions import Now

from webapp.accounts.models import HomeVisit

AWAY = timedelta(minutes=30)
"""The time without the page after which loading it begins another visit."""

PRECISION = timedelta(minutes=1)
"""The time after which a visit is written again, so that a page that renews itself writes rarely."""


@dataclass(frozen=True)
class Visit:
    now: datetime
    since: datetime | None
    """The end of the visit before; None in the first one."""


def visit(user: User) -> Visit:
    """Note that the account is at its home page, and return the visit, which this begins or goes on."""
    row = HomeVisit.objects.filter(pk=user.pk)
    columns = row.values_list(Now(), "seen_at", "since")
    if (stored := columns.first()) is None:
        HomeVisit.objects.bulk_create([HomeVisit(user=user, seen_at=Now())], ignore_conflicts=True)
        stored = columns.get()
    now, seen_at, since = stored
    if now - seen_at > AWAY:
        # Of several requests the first begins the visit, and the others see it begun.
        row.filter(seen_at=seen_at).update(since=F("seen_at"), seen_at=Now())
        return Visit(now, seen_at)
    if now - seen_at > PRECISION:
        row.filter(seen_at=seen_at).update(seen_at=Now())
    return Visit(now, since)
