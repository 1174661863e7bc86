"""The Celery application: workers take runs from one queue, and one light worker takes chores from another."""

import os

from celery import Celery
from celery.signals import setup_logging

from training import environment
from training.file_permissions import restrict_permissions

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
