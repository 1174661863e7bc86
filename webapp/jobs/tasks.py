"""The task of a training worker: claim runs, follow their trainer, and record its events."""

import logging
import time
from collections.abc import Sequence

from celery import Task, shared_task

from webapp.actions.record import DatabaseRecord, Record
from webapp.database_outages import AWAY, patiently, reconnect
from webapp.experiments.models import Run
from webapp.jobs.following import Following
from webapp.jobs.leased_work import concluded
from webapp.jobs.shutdown import shutting_down
from webapp.request_context import of_runs

logger = logging.getLogger(__name__)


@shared_task(bind=True)
def train(self: "Task[[], None]") -> None:
    """Train the first queued runs that this worker can claim; a surplus call finds nothing to do."""
    if shutting_down.is_set():
        return
    claim_and_work(DatabaseRecord(), str(self.request.hostname))


def claim_and_work(record: Record, worker: str) -> bool:
    """Train what ``worker`` can claim, and return whether there was anything."""
    since = time.monotonic()
    try:
        runs = record.claim(worker)
    except AWAY as error:
        logger.warning("%s claimed nothing, the record is away: %s", worker, error)
        reconnect()
        patiently(lambda: record.give_back_unstarted(worker))
        return False  # the recovery calls again for what is queued
    if runs:
        work(runs, since, record)
    return bool(runs)


def work(runs: Sequence[Run], since: float | None = None, record: Record | None = None) -> None:
    """Follow the trainer of runs that were claimed together at ``since``, in monotonic seconds, to the end of each."""
    with of_runs(*(run.pk for run in runs)):
        _work(runs, time.monotonic() if since is None else since, record or DatabaseRecord())


def _work(runs: Sequence[Run], since: float, record: Record) -> None:
    following = Following(runs, since, record)

    def lose(error: str) -> None:
        for run in following.open.values():
            record.lose(run.pk, run.attempt, f"it could not be followed: {error.rstrip('.')}", "")

    with concluded(following.leases.title, lose), following.spans:
        following.follow()
