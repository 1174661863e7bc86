"""The recorder: stores the events of a trainer in batches."""

import logging
import time
from collections import Counter, defaultdict
from collections.abc import Mapping

from training import Event
from webapp.actions.record import DatabaseRecord, Record
from webapp.database_outages import AWAY, RETRY_SECONDS, is_away, reconnect

logger = logging.getLogger(__name__)

BATCH_EVENTS = 1000
MOST_EVENTS = 10_000
"""Events that wait for a database that is away; then the trainer waits as well."""


class Recorder:
    """Buffers the events of ``attempts``, by run, and stores them a moment after the last ones, or once a thousand wait."""

    def __init__(self, attempts: Mapping[int, int], record: Record | None = None) -> None:
        self.attempts, self._record = attempts, record or DatabaseRecord()
        self._events: list[tuple[int, Event]] = []
        self._flush_at = time.monotonic() + self._record.batch_seconds
        self._stored = Counter[int]()
        self._in_doubt = False  # it is unknown if the last batch was stored, since no answer came
        self._away = False

    def add(self, run_id: int, event: Event) -> None:
        self._events.append((run_id, event))

    @property
    def due(self) -> bool:
        """A batch is complete. While the database is away, it is tried again after a pause, however many events wait."""
        late = time.monotonic() >= self._flush_at
        return late or (len(self._events) >= BATCH_EVENTS and not self._away)

    @property
    def seconds_left(self) -> float:
        """Seconds until a batch is stored, however few events it has."""
        return max(0.0, self._flush_at - time.monotonic())

    @property
    def full(self) -> bool:
        return len(self._events) >= MOST_EVENTS

    def flush(self) -> None:
        """Store the batch. A database that is away loses and doubles no event; those of a stale attempt are refused."""
        if not self._events:
            self._flush_at = time.monotonic() + self._record.batch_seconds
            return
        try:
            self._store()
            # From the end of the write on: a database that takes longer gets fewer and larger batches.
            self._flush_at = time.monotonic() + self._record.batch_seconds
        except AWAY as error:
            if not is_away(error):
                raise
            reconnect()
            if not self._away:
                logger.warning("runs %s: %s events wait for the record: %s", list(self.attempts), len(self._events), error)
            self._away = True
            self._flush_at = time.monotonic() + RETRY_SECONDS

    def _store(self) -> None:
        if self._in_doubt:
            self._forget_arrived()
        self._away = False
        changed = {run for run, _ in self._events}
        if self._events:
            self._in_doubt = True
            by_run = self._by_run()
            changed |= self._record.append(self.attempts, by_run)
            self._stored.update({run: len(events) for run, events in by_run.items()})
            self._events, self._in_doubt = [], False
        self._record.notify(changed)

    def _forget_arrived(self) -> None:
        """Drop the events of the last batch that were stored although no answer came."""
        left: list[tuple[int, Event]] = []
        for run, events in self._by_run().items():
            arrived = self._record.recorded(run, self.attempts[run]) - self._stored[run]
            self._stored[run] += arrived
            left += [(run, event) for event in events[arrived:]]
        self._events, self._in_doubt = left, False

    def _by_run(self) -> dict[int, list[Event]]:
        by_run = defaultdict[int, list[Event]](list)
        for run, event in self._events:
            by_run[run].append(event)
        return dict(by_run)

    def finish(self) -> None:
        """Store the rest, before a lease ends; tried again while the database is away."""
        while self._events:
            self.flush()
            if self._events:
                time.sleep(RETRY_SECONDS)
