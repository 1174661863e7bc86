"""The Celery application: workers take runs from one queue, and one light worker takes chores from another."""

import os
from typing import Any

from celery import Celery
from celery.signals import setup_logging, worker_process_init, worker_process_shutdown

from training import environment
from training.file_permissions import restrict_permissions
from webapp import tracing

restrict_permissions()
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "webapp.settings")

if environment.text("LOG_FORMAT") == "json":

    @setup_logging.connect
    def _log_as_django_does(**_: object) -> None:
        """Keep Celery from setting up loggers of its own."""


app = Celery("webapp")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
app.autodiscover_tasks(related_name="chores")
app.autodiscover_tasks(related_name="presence")


@worker_process_init.connect
def _trace(**_: Any) -> None:
    """Trace the tasks, in the process that executes them."""
    trains = app.conf.task_default_queue in app.amqp.queues.consume_from
    tracing.start("worker" if trains else "chores", tasks=True)


@worker_process_shutdown.connect
def _end_traces(**_: Any) -> None:
    tracing.stop()
