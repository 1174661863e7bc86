"""Stopping a run: the run, the audit log, then the notification."""

from django.contrib.auth.models import User
from django.db import transaction

from webapp.audit.models import Verb
from webapp.audit.services import tell
from webapp.experiments import run_stop
from webapp.experiments.models import Run
from webapp.notifications import notify


def stop(run: Run, by: User) -> None:
    with transaction.atomic():
        changed = run_stop.stop_run(run, by.get_username())
        first = run.experiments.order_by("pk").first()
        tell(by, Verb.STOPPED, "run", run.pk, first.name if first else "", runs=len(changed))
    notify(changed)
