"""The recorder: stores the events of a trainer in batches."""

import logging
import time

from training import Event
from webapp.database_outages import AWAY, RETRY_SECONDS, is_away, reconnect
from webapp.experiments import services
from webapp.notifications import notify

logger = logging.getLogger(__name__)

BATCH_EVENTS = 50
BATCH_SECONDS = 0.25
MOST_EVENTS = 10_000
"""Events that wait for a database that is away; then the trainer waits as well."""


class Recorder:
    """Buffers the events of an attempt and stores them every quarter of a second, or every fifty events."""

    def __init__(self, run_id: int, attempt: int) -> None:
        self.run_id = run_id
        self.attempt = attempt
        self._events: list[Event] = []
        self._flush_at = time.monotonic() + BATCH_SECONDS
        self._stored = 0
        self._in_doubt = False  # it is unknown if the last batch was stored, since no answer came
        self._away = False

    def add(self, event: Event) -> None:
        self._events.append(event)

    @property
    def due(self) -> bool:
        """A batch is complete. While the database is away, it is tried again after a pause, however many events wait."""
        late = time.monotonic() >= self._flush_at
        return late or (len(self._events) >= BATCH_EVENTS and not self._away)

    @property
    def full(self) -> bool:
        return len(self._events) >= MOST_EVENTS

    def flush(self) -> None:
        """Store the batch. A database that is away loses and doubles no event. Raises StaleAttempt."""
        self._flush_at = time.monotonic() + BATCH_SECONDS
        if not self._events:
            return
        try:
            self._store()
        except AWAY as error:
            if not is_away(error):
                raise
            reconnect()
            if not self._away:
                logger.warning("run %s: %s events wait for the database: %s", self.run_id, len(self._events), error)
            self._away = True
            self._flush_at = time.monotonic() + RETRY_SECONDS

    def _store(self) -> None:
        if self._in_doubt:
            arrived = services.recorded(self.run_id, self.attempt) - self._stored
            del self._events[:arrived]
            self._stored, self._in_doubt = self._stored + arrived, False
        self._away = False
        changed = {self.run_id}
        if self._events:
            self._in_doubt = True
            changed |= services.append_events(self.run_id, self.attempt, self._events)
            self._stored, self._events, self._in_doubt = self._stored + len(self._events), [], False
        notify(changed)

    def finish(self, last: Event | None) -> None:
        """Store the rest and ``last``, before the lease ends; tried again while the database is away."""
        if last:
            self.add(last)
        while self._events:
            self.flush()
            if self._events:
                time.sleep(RETRY_SECONDS)
