"""The Celery application: workers take runs from one queue, and one light worker takes chores from another."""

import os

from celery import Celery

from training.file_permissions import restrict_permissions

restrict_permissions()
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "webapp.settings")

app = Celery("webapp")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
app.autodiscover_tasks(related_name="chores")
app.autodiscover_tasks(related_name="presence")
