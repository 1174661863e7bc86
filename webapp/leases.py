"""Leases of work in the database: which attempt does a piece of work, and until when without renewing.

Leased models have the columns ``attempt`` and ``lease_until``. All times come from the database's clock, since the clocks of web
servers and workers differ. ``webapp.jobs.leased_work`` has the view of the worker that holds a lease.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import reduce
from operator import or_
from typing import Generic, TypeVar

from django.conf import settings
from django.db.models import F, Model, Q, QuerySet
from django.db.models.expressions import CombinedExpression
from django.db.models.functions import Now

from webapp.database_outages import Outage

Row = TypeVar("Row", bound=Model)


class StaleAttempt(Exception):
    """Another attempt holds the lease, or none does; what this attempt reports is refused."""


@dataclass(frozen=True)
class Leases(Generic[Row]):
    """The leases of the rows of ``model``; a row has a lease while it matches the filter ``held``."""

    model: type[Row]
    held: Mapping[str, object]

    def of(self, pk: int, attempt: int) -> QuerySet[Row]:
        """The row while ``attempt`` holds its lease, otherwise no row."""
        return self._rows().filter(pk=pk, attempt=attempt, **self.held)

    def lock(self, pk: int, attempt: int) -> Row:
        """Return the row, locked until the transaction ends. Raises StaleAttempt."""
        row = self.of(pk, attempt).select_for_update().first()
        if row is None:
            raise self._stale(pk, attempt)
        return row

    def claim(self, row: Row, **columns: object) -> None:
        """Give a locked row to a new attempt, with a new lease."""
        self._rows().filter(pk=row.pk).update(attempt=F("attempt") + 1, lease_until=_end(), **columns)
        row.refresh_from_db(fields=["attempt", "lease_until", *columns])

    def claim_together(self, rows: Sequence[Row]) -> None:
        """Give locked rows to new attempts, with new leases."""
        ids = [row.pk for row in rows]
        self._rows().filter(pk__in=ids).update(attempt=F("attempt") + 1, lease_until=_end())
        claimed = self._rows().in_bulk(ids)
        for row in rows:
            for name in ("attempt", "lease_until"):
                setattr(row, name, getattr(claimed[row.pk], name))

    def renew(self, pk: int, attempt: int, **columns: object) -> None:
        """Renew the lease of ``attempt``. Raises StaleAttempt."""
        self._update(pk, attempt, lease_until=_end(), **columns)

    def renew_together(self, attempts: Mapping[int, int]) -> None:
        """Renew the leases of several attempts, by row; those that another attempt has are left as they are."""
        held = [Q(pk=pk, attempt=attempt) for pk, attempt in attempts.items()]
        self._rows().filter(reduce(or_, held, Q(pk__in=())), **self.held).update(lease_until=_end())

    def end(self, pk: int, attempt: int, **columns: object) -> None:
        """End the lease of ``attempt``; ``columns`` say what the row is now. Raises StaleAttempt."""
        self._update(pk, attempt, lease_until=None, **columns)

    def expired(self) -> QuerySet[Row]:
        """Rows whose holder has not renewed its lease in time."""
        return self._rows().filter(lease_until__lt=Now(), **self.held)

    def excused(self, outage: Outage | None) -> QuerySet[Row]:
        """Expired rows whose lease ended because of the database's own ``outage``."""
        return self.expired().filter(lease_until__range=outage.leases) if outage else self.expired().none()

    def _rows(self) -> QuerySet[Row]:
        return self.model._default_manager.all()

    def _update(self, pk: int, attempt: int, **columns: object) -> None:
        if not self.of(pk, attempt).update(**columns):
            raise self._stale(pk, attempt)

    def _stale(self, pk: int, attempt: int) -> StaleAttempt:
        return StaleAttempt(f"attempt {attempt} no longer holds the lease of {self.model._meta.verbose_name} {pk}")


def _end() -> CombinedExpression:
    return Now() + timedelta(seconds=settings.LEASE_SECONDS)
