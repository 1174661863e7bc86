"""A database that is away for a while: how it is recognised, waited for, and kept from counting against anybody's work.

Away is what cannot be reached (a PostgreSQL server that restarts) and what cannot be written (a SQLite file that another
process has locked). Nothing here is about a single row that is damaged: see webapp/row_isolation.py.
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

AWAY = (OperationalError, InterfaceError)
OF_A_ROW = ("malformed JSON",)
"""What SQLite says of one damaged row, as an operational error."""
RETRY_SECONDS = 1.0


def is_away(error: BaseException) -> bool:
    """Whether ``error`` is of a database that cannot be used now."""
    return isinstance(error, AWAY) and not any(text in str(error) for text in OF_A_ROW)


def reconnect() -> None:
    """Let the next query open a new connection. Within a transaction the connection stays: whoever began it ends it."""
    if not connection.in_atomic_block:
        connection.close()


def patiently(work: Callable[[], T]) -> T:
    """Return what ``work`` returns, tried again until the database is there. It must bear being done twice."""
    while True:
        try:
            return work()
        except AWAY as error:
            if not is_away(error):
                raise
            logger.warning("the database is away, it is tried again: %s", error)
            reconnect()
        time.sleep(RETRY_SECONDS)


@dataclass(frozen=True)
class Outage:
    """The last time that the database was away, on the database's own clock: last reached before, first reached after."""

    begun: datetime
    ended: datetime

    @property
    def leases(self) -> tuple[datetime, datetime]:
        """A lease that ended between these two was lost by the database: its holder could not renew it."""
        return self.begun, self.ended + grace()

    def covers(self, lease_until: datetime) -> bool:
        first, last = self.leases
        return first <= lease_until <= last


def grace() -> timedelta:
    """How long holders of leases have to renew them after the database, or the recovery, was away."""
    return timedelta(seconds=settings.LEASE_SECONDS / 2)


class Watch:
    """What one process knows of the database: it is to ``look`` every ``pause`` seconds, and a little more where it has work."""

    def __init__(self, pause: float) -> None:
        self.outage: Outage | None = None
        self._longest_gap = pause + settings.LEASE_SECONDS / 2
        self._longest_wait = settings.LEASE_SECONDS / 4
        self._reached: tuple[float, datetime] | None = None  # monotonic seconds, and the database's time
        self._missed = self._late = False
        self._quiet_until = 0.0

    def look(self) -> None:
        """Write nothing, but as a writer. Raises OperationalError or InterfaceError where the database is away."""
        asked = time.monotonic()
        try:
            now = _now()
        except AWAY:
            self._missed = True
            reconnect()
            raise
        waited = time.monotonic() - asked
        if self._missed or waited > self._longest_wait:
            begun = self._reached[1] if self._reached else now - timedelta(seconds=waited)
            self.outage = Outage(begun, now)
            logger.warning("the database was away from %s to %s", begun, now)
            self._be_quiet()
        elif self._reached is None or (asked - self._reached[0] > self._longest_gap and not self._late):
            self._be_quiet()
        # A process that is late each time must not be quiet for ever.
        self._late = self._reached is not None and asked - self._reached[0] > self._longest_gap
        self._reached, self._missed = (time.monotonic(), now), False

    def _be_quiet(self) -> None:
        self._quiet_until = time.monotonic() + grace().total_seconds()

    @property
    def quiet(self) -> bool:
        """Whether nobody is to be taken for dead yet.

        The database was away, or this process, which may just have started: holders of leases get the time to renew them.
        """
        return time.monotonic() < self._quiet_until


@transaction.atomic
def _now() -> datetime:
    """The database's time, asked in a transaction that may write: SQLite has such transactions one at a time."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT CURRENT_TIMESTAMP")
        (now,) = cursor.fetchone()
    return now if isinstance(now, datetime) else datetime.fromisoformat(f"{now}+00:00")
