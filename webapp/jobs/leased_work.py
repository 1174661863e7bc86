"""Leased work as the worker that does it sees it: the time left by its own clock, also while the database is away.

``webapp.leases`` has the lease in the database, which decides.
"""

import contextlib
import logging
import math
import queue
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from typing import TypeVar

from django.conf import settings

from training.storage.remote import StoreUnreachable
from webapp.actions.record import DatabaseRecord, Record
from webapp.child_processes import STOP_GRACE_SECONDS, Child
from webapp.database_outages import AWAY, is_away, patiently, reconnect
from webapp.experiments.models import Run
from webapp.jobs.shutdown import shutting_down
from webapp.leases import StaleAttempt
from webapp.row_isolation import sentence

logger = logging.getLogger(__name__)

T = TypeVar("T")
Message = TypeVar("Message")

POLL_SECONDS = 0.25
STORE_AWAY = "The store of artifacts could not be reached. Try it again later."


class HeldLease:
    """A lease of ``seconds`` that was claimed at ``since``, in monotonic seconds, or renewed since then.

    It counts as ``expired`` from ``margin`` seconds before its end, so that the work has ended when another worker can claim it.
    """

    def __init__(self, title: str, since: float, margin: float = STOP_GRACE_SECONDS, seconds: float | None = None) -> None:
        self.seconds = settings.LEASE_SECONDS if seconds is None else seconds
        self.title = title
        self.expired = False
        self._margin = min(margin, self.seconds / 4)
        self._until = since + self.seconds
        self._away = False

    def ask(self, query: Callable[[], T], otherwise: T, *, renews: bool) -> T:
        """Return the result of ``query``, ``otherwise`` while the database is away. A query that ``renews`` renews the lease."""
        begun = time.monotonic()
        try:
            answer = query()
        except AWAY as error:
            if not is_away(error):
                raise
            reconnect()
            if not self._away:
                logger.warning("%s: the record is away, the lease holds for %.1f s more: %s", self.title, self.left, error)
            self._away = True
            self.check_time()
            return otherwise
        self._away = False
        if renews:
            self._until = begun + self.seconds
        return answer

    @property
    def left(self) -> float:
        """Seconds until the lease counts as expired."""
        left: float = self._until - self._margin - time.monotonic()
        return left

    def check_time(self) -> bool:
        """Return whether the lease has expired. It stays so, even where the database comes back in time."""
        self.expired = self.expired or self.left <= 0
        return self.expired

    @contextlib.contextmanager
    def enforced(self, stop: Callable[[], None]) -> Iterator[None]:
        """Call ``stop`` repeatedly once the lease has expired, in a thread, since a query to the database may hang."""
        over = threading.Event()

        def watch() -> None:
            while not over.wait(POLL_SECONDS):
                if self.check_time():
                    stop()

        thread = threading.Thread(target=watch, daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()


class RunLeases(HeldLease):
    """The leases of runs that were claimed together, which are renewed now and then by ``check``."""

    def __init__(self, runs: Sequence[Run], since: float, record: Record | None = None) -> None:
        self._record = record = record or DatabaseRecord()
        others = f" and {len(runs) - 1} more" if len(runs) > 1 else ""
        super().__init__(f"{runs[0]}{others}", since, STOP_GRACE_SECONDS + POLL_SECONDS, record.lease_seconds)
        self._statuses: dict[int, str] = {run.pk: run.status for run in runs}
        self._renew_at = 0.0

    def check(self, attempts: Mapping[int, int]) -> dict[int, str]:
        """Return the status of each run of these attempts, the last known one while the database is away.

        A run that another attempt has is left out. Raises StaleAttempt where none is left.
        """
        renews = time.monotonic() >= self._renew_at
        if renews:
            self._renew_at = time.monotonic() + self._record.renew_seconds
        query = self._record.renew if renews else self._record.statuses
        self._statuses = self.ask(lambda: query(attempts), self._statuses, renews=renews)
        if self._away:
            self._renew_at = 0.0
        return self._statuses


def meanwhile(work: Callable[[], T], lease: HeldLease, renew: Callable[[None], object]) -> T:
    """Return the result of ``work``, which is done in a thread; the lease is renewed until it has ended.

    Raises what ``work`` raises, StaleAttempt.
    """
    with ThreadPoolExecutor(1) as pool:
        future = pool.submit(work)
        while not wait([future], POLL_SECONDS).done:
            lease.ask(lambda: renew(None), None, renews=True)
    return future.result()


@contextlib.contextmanager
def concluded(title: str, fail: Callable[[str], object]) -> Iterator[None]:
    """Have the block's work end in the database in any case: ``fail`` is called with a sentence where the block raises an error.

    A stale attempt ends without a word, since another attempt does the work by now.
    """
    try:
        yield
    except StaleAttempt:
        logger.warning("%s was claimed by another worker", title)
    except Exception as error:
        logger.exception("%s broke off", title)
        reconnect()
        text = STORE_AWAY if isinstance(error, StoreUnreachable) else sentence(error)
        with contextlib.suppress(StaleAttempt):
            patiently(lambda: fail(text))


def follow(
    child: Child[Message],
    lease: HeldLease,
    renew: Callable[[Message | None], object],
    *,
    every: float = POLL_SECONDS,
    longest: float = math.inf,
) -> list[Message]:
    """Return the messages of ``child``, once it has ended.

    ``renew`` is called ``every`` some seconds with the newest message; it renews the lease, and returns whether the child is to
    stop. The child is stopped as well after ``longest`` seconds, when the lease expires, and when the worker shuts down.
    """
    messages: list[Message] = []
    renewed, stop = time.monotonic(), False

    def is_to_stop() -> bool:
        return bool(renew(next(reversed(messages), None)))

    with lease.enforced(child.stop):
        while True:
            with contextlib.suppress(queue.Empty):
                message = child.next_message(POLL_SECONDS)
                if message is None:
                    child.process.wait()
                    return messages
                messages.append(message)
            if time.monotonic() - renewed > every:
                renewed = time.monotonic()
                stop = lease.ask(is_to_stop, False, renews=True)
            if stop or child.seconds > longest or shutting_down.is_set():
                child.stop()
