"""A training worker tells the record that it is there: when it starts, every few seconds, and when it ends in order."""

import logging
import threading
from collections.abc import Callable
from typing import Any, TypeVar

from celery.signals import worker_ready, worker_shutdown
from django.conf import settings
from django.db import Error, close_old_connections, connection

from training import environment
from training.spec import ENGINE_VERSION
from webapp.experiments import workers
from webapp.jobs.devices import devices, packages

logger = logging.getLogger(__name__)

T = TypeVar("T")

ended = threading.Event()


@worker_ready.connect
def _tell(sender: Any, **_: Any) -> None:
    if settings.CELERY_TASK_DEFAULT_QUEUE not in sender.app.amqp.queues.consume_from:
        return  # the light worker trains nothing
    # A thread and no timer of Celery's, which it clears whenever it loses the broker.
    threading.Thread(target=stay, args=(sender.hostname,), daemon=True).start()


@worker_shutdown.connect
def _leave(sender: Any, **_: Any) -> None:
    ended.set()
    _written(lambda: workers.goodbye(sender.hostname))


def stay(name: str) -> None:
    """Tells of the worker ``name`` until it ends."""
    hello(name)
    while not ended.wait(workers.BEAT_SECONDS):
        beat(name)
    connection.close()


def hello(name: str) -> None:
    try:
        processes = environment.whole("W2S_PROCESSES", 1, least=1)
    except environment.SettingError:
        processes = 1  # its runs fail, and say why
    _written(lambda: workers.hello(name, ENGINE_VERSION, packages(), devices(), processes))


def beat(name: str) -> None:
    """Says hello again to a record that does not know the worker."""
    if _written(lambda: workers.beat(name, devices())) is False:
        hello(name)


def _written(write: Callable[[], T]) -> T | None:
    """What ``write`` returns; None where the record is away, which costs a beat and not the worker."""
    close_old_connections()
    try:
        return write()
    except Error:
        logger.warning("the database is away, the next sign of life will tell")
    except Exception:
        logger.exception("what the worker told cannot be written, the next sign of life tells it again")
    return None
