"""From the trainer's events to the record, in batches."""

import logging
import time

from django.db import OperationalError

from training import Event
from webapp.experiments import services
from webapp.jobs.dispatch import announce

logger = logging.getLogger(__name__)

BATCH_EVENTS = 50
BATCH_SECONDS = 0.25


class Recorder:
    """Buffers events of one attempt and appends them every quarter of a second, or every fifty."""

    def __init__(self, run_id: int, attempt: int) -> None:
        self.run_id = run_id
        self.attempt = attempt
        self._events: list[Event] = []
        self._flushed = time.monotonic()

    def add(self, event: Event) -> None:
        self._events.append(event)

    @property
    def due(self) -> bool:
        return len(self._events) >= BATCH_EVENTS or time.monotonic() - self._flushed > BATCH_SECONDS

    def flush(self) -> None:
        """Raises services.StaleAttemptError when the lease was lost. A database that is away for a moment loses nothing."""
        self._flushed = time.monotonic()
        if not self._events:
            return
        try:
            changed = services.append_events(self.run_id, self.attempt, self._events)
        except OperationalError as error:
            logger.warning("run %s: %s events wait for the database: %s", self.run_id, len(self._events), error)
            return
        self._events = []
        announce(changed)

    def finish(self, last: Event | None) -> None:
        """Stores what is left, and ``last``, before the lease is let go; tries again while the database is away."""
        if last:
            self.add(last)
        while self._events:
            self.flush()
            if self._events:
                time.sleep(1)
