"""Pausing and ordering the queue: the queue, the audit log, then the workers."""

from django.contrib.auth.models import User
from django.db import transaction

from webapp.audit.models import Verb
from webapp.audit.services import tell
from webapp.experiments import queue
from webapp.experiments.models import Experiment, Priority
from webapp.notifications import TRAINING, call


@transaction.atomic
def pause(by: User, why: str) -> None:
    """Pause the queue: no worker takes a run until it is resumed. Runs in training go on."""
    queue.pause(by, why)
    tell(by, Verb.PAUSED, "queue", "", "", **({"why": why} if why else {}))


def resume(by: User) -> None:
    with transaction.atomic():
        if queue.resume():
            tell(by, Verb.RESUMED, "queue", "")
    call_workers()


def call_workers() -> None:
    """Call a worker for each queued run."""
    call(TRAINING, len(queue.queued_run_ids()))


@transaction.atomic
def prioritize(experiment: Experiment, priority: Priority, by: User) -> None:
    before = Priority(experiment.priority)
    queue.prioritize(experiment, priority)
    if before != priority:
        changed = {"priority": priority.label, "before": before.label}
        tell(by, Verb.MOVED, "experiment", experiment.pk, experiment.name, **changed)


@transaction.atomic
def move(experiment: Experiment, to: str | int, by: User) -> None:
    """Move the experiment among those of its owner; see webapp.experiments.queue.move."""
    queue.move(experiment, to)
    where = {"before": to} if isinstance(to, int) else {"to": to}
    tell(by, Verb.MOVED, "experiment", experiment.pk, experiment.name, **where)
