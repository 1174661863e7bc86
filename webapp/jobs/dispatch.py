"""What follows a change of the record: watching pages are woken, workers are called for queued runs."""

import contextlib
import logging
from collections.abc import Iterable

from django.conf import settings
from kombu.exceptions import OperationalError
from redis import Redis, RedisError

from webapp.celery import app
from webapp.experiments import queries, queue
from webapp.live.notify import nudge

logger = logging.getLogger(__name__)

TRAIN = "webapp.jobs.tasks.train"
PREPARE = "webapp.jobs.chores.prepare"
CHORES = "chores"
"""The queue of the light worker."""


def announce(run_ids: Iterable[int]) -> bool:
    """Call after commit with the ids that a service returned. False when the broker is away: ``resend`` mends that later."""
    changed = set(run_ids)
    nudge(changed)
    return call(len(changed.intersection(queue.queued_run_ids())))


def call(times: int) -> bool:
    """Calls a worker for each of so many queued runs. A call may be lost or doubled: the lease decides who trains what."""
    try:
        for _ in range(times):
            app.send_task(TRAIN, retry=False)
    except OperationalError as error:
        logger.warning("the broker is away, queued runs wait for it: %s", error)
        return False
    return True


def prepare(run_id: int) -> None:
    """Calls the light worker to make the examples ready of the experiments that came to rest with this run."""
    with contextlib.suppress(OperationalError):  # a first look makes them too
        for pk in queries.at_rest(run_id):
            app.send_task(PREPARE, args=[pk], queue=CHORES, retry=False)


def resend() -> None:
    """Calls again when the broker holds fewer calls than runs are queued, as after it was restarted, or was paused."""
    queued = len(queue.queued_run_ids())
    if not queued or queue.pause_now():
        return
    try:
        with Redis.from_url(settings.REDIS_URL, socket_timeout=2, socket_connect_timeout=2) as redis:
            waiting = redis.llen(settings.CELERY_TASK_DEFAULT_QUEUE)
    except RedisError:
        return
    call(queued - waiting)
