"""The task of a training worker: claim runs, follow their trainer, and record its events."""

import time
from collections.abc import Sequence

from celery import Task, shared_task

from webapp.database_outages import AWAY, patiently, reconnect
from webapp.experiments import services
from webapp.experiments.models import Run
from webapp.jobs.following import Following, notify_safely
from webapp.jobs.leased_work import concluded
from webapp.jobs.shutdown import shutting_down
from webapp.request_context import of_runs


@shared_task(bind=True)
def train(self: "Task[[], None]") -> None:
    """Train the first queued runs that this worker can claim; a surplus call finds nothing to do."""
    if shutting_down.is_set():
        return
    worker, since = str(self.request.hostname), time.monotonic()
    try:
        runs = services.claim_group(worker)
    except AWAY:
        reconnect()
        notify_safely(patiently(lambda: services.give_back_unstarted(worker)))
        return  # the recovery calls again for what is queued
    if runs:
        notify_safely({run.pk for run in runs})
        work(runs, since)


def work(runs: Sequence[Run], since: float | None = None) -> None:
    """Follow the trainer of runs that were claimed together at ``since``, in monotonic seconds, to the end of each."""
    with of_runs(*(run.pk for run in runs)):
        _work(runs, since)


def _work(runs: Sequence[Run], since: float | None) -> None:
    following = Following(runs, time.monotonic() if since is None else since)

    def lose(error: str) -> None:
        for run in following.open.values():
            notify_safely(services.lose(run.pk, run.attempt, f"it could not be followed: {error.rstrip('.')}", ""))

    with concluded(following.leases.title, lose):
        following.follow()
