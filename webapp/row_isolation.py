"""Loops over rows of which one may be damaged: the others are processed, and the damaged one gets a message."""

import logging
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import TypeVar

from training.log_redaction import redact
from training.storage.remote import StoreUnreachable
from webapp.database_outages import is_away, reconnect

logger = logging.getLogger(__name__)

Row = TypeVar("Row")
T = TypeVar("T")

FIRST_PAUSE_SECONDS = 10.0
LONGEST_PAUSE_SECONDS = 3600.0
LONGEST_SENTENCE = 500


@dataclass
class _Failure:
    times: int = 0
    again_at: float = 0.0


@dataclass
class Isolated:
    """One kind of work on many rows, one row at a time, with a memory of failures in this process.

    ``note`` writes the failure on the row. A row that failed is skipped for ``first`` seconds, then for growing times. An
    outage of the database is no fault of the row: that error is raised, as it concerns all rows. While the store cannot be
    reached, rows are skipped without a message.
    """

    name: str
    first: float = FIRST_PAUSE_SECONDS
    longest: float = LONGEST_PAUSE_SECONDS
    _failures: dict[object, _Failure] = field(default_factory=dict)

    def each(
        self, rows: Iterable[Row], work: Callable[[Row], T], note: Callable[[Row, str], object] | None = None
    ) -> Iterator[T]:
        """Return the results of ``work`` for the rows that are not damaged. ``rows`` are keys: ``work`` loads the row."""
        for row in rows:
            failure = self._failures.get(row)
            if failure and time.monotonic() < failure.again_at:
                continue
            try:
                done = work(row)
            except Exception as error:
                if is_away(error):
                    reconnect()
                    raise
                self._failed(row, error, None if isinstance(error, StoreUnreachable) else note)
            else:
                self._failures.pop(row, None)
                yield done

    def all(self, rows: Iterable[Row], work: Callable[[Row], T], note: Callable[[Row, str], object] | None = None) -> list[T]:
        return list(self.each(rows, work, note))

    def forget(self) -> None:
        """Try all rows again."""
        self._failures.clear()

    def _failed(self, row: Row, error: Exception, note: Callable[[Row, str], object] | None) -> None:
        failure = self._failures.setdefault(row, _Failure())
        pause = min(self.first * 2**failure.times, self.longest)
        failure.times, failure.again_at = min(failure.times + 1, 30), time.monotonic() + pause
        logger.error("%s: %s is skipped for %.0f s", self.name, row, pause, exc_info=error)
        if note is None:
            return
        try:
            note(row, sentence(error))
        except Exception as problem:
            if is_away(problem):
                reconnect()
                raise
            logger.exception("%s: the error of %s cannot be stored on it", self.name, row)


def sentence(error: Exception) -> str:
    """Return ``error`` for a page: its type and the first line of its message."""
    said = redact(next(iter(str(error).strip().splitlines()), "").replace("\0", ""))
    return f"{type(error).__name__}: {said}"[:LONGEST_SENTENCE].rstrip(": ") + "."
