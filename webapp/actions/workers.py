"""Draining workers: the worker, the audit log, then the workers."""

from django.contrib.auth.models import User
from django.db import transaction

from webapp.actions.queue import call_workers
from webapp.audit.models import Verb
from webapp.audit.services import tell
from webapp.experiments import workers
from webapp.experiments.models import Worker


def drain(worker: Worker, by: User, *, draining: bool) -> None:
    """Have a worker finish its run and take no other, until draining ends."""
    with transaction.atomic():
        if workers.drain(worker, draining=draining):
            tell(by, Verb.DRAINED if draining else Verb.UNDRAINED, "worker", worker.pk, worker.name)
    if not draining:
        call_workers()
