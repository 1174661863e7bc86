"""The presence of a training worker in the record: registered at its start, with heartbeats, until it ends in order."""

import logging
import threading
from collections.abc import Callable
from typing import Any, TypeVar

from celery.signals import worker_ready, worker_shutdown
from django.conf import settings
from django.db import Error, close_old_connections, connection

from training.spec import ENGINE_VERSION
from webapp.actions.record import DatabaseRecord, Record
from webapp.database_outages import AWAY
from webapp.experiments.workers import BEAT_SECONDS
from webapp.jobs.devices import devices, packages, processes

logger = logging.getLogger(__name__)

T = TypeVar("T")

ended = threading.Event()


@worker_ready.connect
def _start(sender: Any, **_: Any) -> None:
    if settings.CELERY_TASK_DEFAULT_QUEUE not in sender.app.amqp.queues.consume_from:
        return  # the light worker trains nothing
    # A thread and not a timer of Celery, which clears its timers whenever it loses the broker.
    threading.Thread(target=stay, args=(sender.hostname,), daemon=True).start()


@worker_shutdown.connect
def _leave(sender: Any, **_: Any) -> None:
    ended.set()
    leave(sender.hostname)


def stay(name: str, record: Record | None = None) -> None:
    """Register the worker ``name`` and send heartbeats until it ends."""
    record = record or DatabaseRecord()
    register(name, record)
    while not ended.wait(BEAT_SECONDS):
        beat(name, record)
    connection.close()


def register(name: str, record: Record) -> None:
    _write(lambda: record.register(name, ENGINE_VERSION, packages(), devices(), processes()))


def beat(name: str, record: Record) -> None:
    """Send a heartbeat; register again in a record that does not know the worker."""
    if _write(lambda: record.beat(name, devices())) is False:
        register(name, record)


def leave(name: str, record: Record | None = None) -> None:
    """Store that the worker has ended in order."""
    here = record or DatabaseRecord()
    _write(lambda: here.leave(name))


def _write(write: Callable[[], T]) -> T | None:
    """Return the result of ``write``; None while the record is away, which costs a heartbeat and not the worker."""
    close_old_connections()
    try:
        return write()
    except (Error, *AWAY):
        logger.warning("the record is away, the next heartbeat is tried later")
    except Exception:
        logger.exception("the description of the worker cannot be stored, the next heartbeat tries again")
    return None
