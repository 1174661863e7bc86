"""The right of a worker to do what it does, as it sees it: on its own clock, also while the database is away."""

import contextlib
import logging
import threading
import time
from collections.abc import Callable, Iterator
from typing import TypeVar

from django.conf import settings

from webapp.database_outages import AWAY, is_away, reconnect
from webapp.experiments import services
from webapp.experiments.models import Run
from webapp.jobs.trainer import STOP_GRACE_SECONDS

logger = logging.getLogger(__name__)

T = TypeVar("T")

LOOK_SECONDS = 0.25


class Held:
    """A lease on this process's clock: asked for ``since``, in monotonic seconds, renewed by ``renewed``.

    It has ``run_out`` shortly before it ends, ``margin`` seconds, which leaves time to end the work: another may soon have it.
    """

    def __init__(self, what: str, since: float, margin: float) -> None:
        self.what = what
        self.run_out = False
        self._margin = min(margin, settings.LEASE_SECONDS / 4)
        self._until = since + settings.LEASE_SECONDS
        self._away = False

    def asked(self, work: Callable[[], T], otherwise: T, *, renews: bool) -> T:
        """What ``work`` returns, which asks the database and renews the lease, or not; ``otherwise`` while that is away."""
        begun = time.monotonic()
        try:
            answer = work()
        except AWAY as error:
            if not is_away(error):
                raise
            reconnect()
            if not self._away:
                logger.warning("%s: the database is away, the lease is held for %.1f s more: %s", self.what, self.left, error)
            self._away = True
            self.look()
            return otherwise
        self._away = False
        if renews:
            self._until = begun + settings.LEASE_SECONDS
        return answer

    @property
    def left(self) -> float:
        left: float = self._until - self._margin - time.monotonic()
        return left

    def look(self) -> bool:
        """Whether it has run out, which it has for good, even where the database comes back in time."""
        self.run_out = self.run_out or self.left <= 0
        return self.run_out

    @contextlib.contextmanager
    def enforced(self, stop: Callable[[], None]) -> Iterator[None]:
        """Call ``stop`` again and again once the lease has run out, in a thread, as a query to the database may hang."""
        over = threading.Event()

        def look() -> None:
            while not over.wait(LOOK_SECONDS):
                if self.look():
                    stop()

        thread = threading.Thread(target=look, daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()


class Lease(Held):
    """The lease of a run, renewed now and then; ``check`` tells what the record says of the run."""

    def __init__(self, run: Run, since: float) -> None:
        super().__init__(str(run), since, STOP_GRACE_SECONDS + LOOK_SECONDS)
        self.run = run
        self._status: str | None = run.status
        self._renew_at = 0.0

    def check(self) -> str:
        """The run's status, the last known one while the database is away; raises StaleAttemptError when the lease was lost."""
        renews = time.monotonic() >= self._renew_at
        if renews:
            self._renew_at = time.monotonic() + settings.LEASE_RENEW_SECONDS
        self._status = self.asked(self._renew if renews else self._read, self._status, renews=renews)
        if self._away:
            self._renew_at = 0.0
        if self._status is None:
            raise services.StaleAttemptError(f"{self.run} lost its lease")
        return self._status

    def _renew(self) -> str | None:
        return services.renew(self.run.pk, self.run.attempt)

    def _read(self) -> str | None:
        return Run.objects.filter(pk=self.run.pk, attempt=self.run.attempt).values_list("status", flat=True).first()
