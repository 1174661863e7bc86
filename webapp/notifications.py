"""Notifications after a change of the database: open pages look at what is new, and workers at what is queued.

A notification may be lost or doubled. Pages look by themselves after some seconds, and the recovery calls workers again.
"""

import logging
from collections.abc import Iterable
from dataclasses import dataclass

from django.conf import settings
from kombu.exceptions import OperationalError
from redis import Redis, RedisError

from webapp import tracing
from webapp.attributions import queries as attribution_queries
from webapp.celery import app
from webapp.experiments import archive_imports, queries, queue
from webapp.imports.models import Import, State
from webapp.live.notify import notify_viewers

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Work:
    """A kind of queued work: the task that claims the next piece of it, and the queue of the broker for its workers."""

    task: str
    queue: str


TRAINING = Work("webapp.jobs.tasks.train", settings.CELERY_TASK_DEFAULT_QUEUE)
CHORES = Work("webapp.jobs.chores.work", "chores")
"""Imports, archives and attributions, for the light worker."""
REFRESH = Work("webapp.jobs.chores.refresh", CHORES.queue)
"""The results of the experiments of some runs, for a worker without the database."""
PREPARE_EXAMPLES = Work("webapp.jobs.chores.prepare", CHORES.queue)


def notify(run_ids: Iterable[int]) -> bool:
    """Notify pages and workers of changed runs, after the commit. False when the broker is away: see ``resend``."""
    changed = set(run_ids)
    notify_viewers(changed)
    return call(TRAINING, len(changed.intersection(queue.queued_run_ids())))


def call(work: Work, times: int = 1, *arguments: int) -> bool:
    """Call a worker for each piece of queued work. False when the broker is away."""
    try:
        for _ in range(times):
            app.send_task(work.task, args=arguments, queue=work.queue, headers=tracing.headers(), retry=False)
    except OperationalError as error:
        logger.warning("the broker is away, queued work waits for it: %s", error)
        return False
    return True


def prepare_examples(run_ids: Iterable[int]) -> None:
    """Call the light worker to prepare the examples of the experiments that ended with one of these runs.

    Without that, the first page of examples prepares them.
    """
    for pk in queries.at_rest(run_ids):
        call(PREPARE_EXAMPLES, 1, pk)


def resend_training() -> None:
    """Call workers again when runs wait whose calls were lost or held back by a pause of the queue."""
    if not queue.pause_now():
        resend(TRAINING, len(queue.queued_run_ids()))


def queued_chores() -> int:
    """Return how many pieces of work wait for the light worker."""
    imports_queued = Import.objects.filter(state=State.QUEUED).count()
    return imports_queued + attribution_queries.queued() + archive_imports.queued()


def resend(work: Work, queued: int) -> None:
    """Call again when the broker holds fewer calls than pieces of work are queued, as after its restart."""
    if not queued:
        return
    try:
        with Redis.from_url(settings.REDIS_URL, socket_timeout=2, socket_connect_timeout=2) as redis:
            waiting = redis.llen(work.queue)
    except RedisError:
        return
    call(work, queued - waiting)
