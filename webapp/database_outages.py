"""Outages of the database: recognising them, waiting, and protecting leases that could not be renewed.

An outage is a database that cannot be reached (a PostgreSQL server that restarts) or written (a SQLite file that another
process has locked). For a single damaged row see webapp/row_isolation.py.
"""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeVar

from django.conf import settings
from django.db import InterfaceError, OperationalError, connection, transaction

logger = logging.getLogger(__name__)

T = TypeVar("T")


class Unreachable(Exception):
    """The laboratory did not answer a worker that reaches its record by HTTPS. What it requested may have been done."""


AWAY = (OperationalError, InterfaceError, Unreachable)
OF_A_ROW = ("malformed JSON",)
"""SQLite's operational errors about one damaged row."""
RETRY_SECONDS = 1.0


def is_away(error: BaseException) -> bool:
    """Return whether ``error`` means that the database, or the laboratory that has it, cannot be used now."""
    return isinstance(error, AWAY) and not any(text in str(error) for text in OF_A_ROW)


def reconnect() -> None:
    """Let the next query open a new connection. Inside a transaction the connection stays: the code that began it ends it."""
    if not connection.in_atomic_block:
        connection.close()


def patiently(work: Callable[[], T]) -> T:
    """Return the result of ``work``, which is repeated until the record is available. It must be safe to repeat."""
    while True:
        try:
            return work()
        except AWAY as error:
            if not is_away(error):
                raise
            logger.warning("the record is unavailable, retrying: %s", error)
            reconnect()
        time.sleep(RETRY_SECONDS)


@dataclass(frozen=True)
class Outage:
    """The last outage on the database's own clock: the last time before it and the first time after it."""

    begun: datetime
    ended: datetime

    @property
    def leases(self) -> tuple[datetime, datetime]:
        """Return both times: a lease that ended between them could not be renewed by its holder."""
        return self.begun, self.ended + grace()

    def covers(self, lease_until: datetime) -> bool:
        first, last = self.leases
        return first <= lease_until <= last


def grace() -> timedelta:
    """Return the time for holders to renew their leases after an outage of the database or of the recovery."""
    return timedelta(seconds=settings.LEASE_SECONDS / 2)


class Watch:
    """The state of the database as one process observes it.

    ``look`` must be called every ``pause`` seconds; small delays are allowed.
    """

    def __init__(self, pause: float) -> None:
        self.outage: Outage | None = None
        self._longest_gap = pause + settings.LEASE_SECONDS / 2
        self._longest_wait = settings.LEASE_SECONDS / 4
        self._reached: tuple[float, datetime] | None = None  # monotonic seconds, and the database's time
        self._missed = self._late = False
        self._quiet_until = 0.0

    def look(self) -> None:
        """Open a transaction as a writer, without writing. Raise OperationalError or InterfaceError during an outage."""
        started = time.monotonic()
        try:
            now = _now()
        except AWAY:
            self._missed = True
            reconnect()
            raise
        waited = time.monotonic() - started
        if self._missed or waited > self._longest_wait:
            begun = self._reached[1] if self._reached else now - timedelta(seconds=waited)
            self.outage = Outage(begun, now)
            logger.warning("the database was unavailable from %s to %s", begun, now)
            self._be_quiet()
        elif self._reached is None or (started - self._reached[0] > self._longest_gap and not self._late):
            self._be_quiet()
        # A process that is always late must still recognise dead workers.
        self._late = self._reached is not None and started - self._reached[0] > self._longest_gap
        self._reached, self._missed = (time.monotonic(), now), False

    def _be_quiet(self) -> None:
        self._quiet_until = time.monotonic() + grace().total_seconds()

    @property
    def quiet(self) -> bool:
        """Return whether no lease may be considered lost yet.

        After an outage of the database or a start of this process, holders get the time to renew their leases.
        """
        return time.monotonic() < self._quiet_until


@transaction.atomic
def _now() -> datetime:
    """Return the database's time, in a transaction that may write: SQLite has one of these at a time."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT CURRENT_TIMESTAMP")
        (now,) = cursor.fetchone()
    return now if isinstance(now, datetime) else datetime.fromisoformat(f"{now}+00:00")
