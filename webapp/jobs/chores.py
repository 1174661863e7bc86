"""The tasks of the light worker, which does what takes no training, since a training worker may be busy for hours."""

import logging
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from celery import shared_task
from django.conf import settings

from training.command_output import NOTICE, Notice
from webapp.actions.record import DatabaseRecord
from webapp.attributions import services as attribution_services
from webapp.child_processes import Child
from webapp.database_outages import AWAY, reconnect
from webapp.experiments import archive_imports
from webapp.imports import services as import_services
from webapp.imports.child import LARGEST_MEMORY
from webapp.jobs import archive_verification, attributions, imports
from webapp.jobs.shutdown import shutting_down
from webapp.notifications import CHORES, queued_chores, resend

logger = logging.getLogger(__name__)

T = TypeVar("T")

PREPARE_SECONDS = 300


def resend_chores() -> None:
    """Call the light worker again when work waits whose calls were lost."""
    resend(CHORES, queued_chores())


@shared_task
def work() -> None:
    """Do the first queued piece of work, the shortest kind first; a surplus call finds nothing to do."""
    if shutting_down.is_set():
        return
    if rows := _claimed(attribution_services.claim_next):
        attributions.work(rows)
    elif archive := _claimed(archive_imports.claim_next):
        archive_verification.work(archive)
    elif row := _claimed(import_services.claim_next):
        imports.work(row)


def _claimed(claim: Callable[[], T]) -> T | None:
    """Return the work that was claimed. A kind of work that cannot be claimed does not keep the others from being done."""
    try:
        return claim()
    except AWAY:
        reconnect()
        raise
    except Exception:
        logger.exception("no work can be claimed by %s", claim)
        return None


@shared_task
def refresh(*run_ids: int) -> None:
    """Compute what the ends of runs have made due. Where the call is lost, the recovery does so."""
    if not shutting_down.is_set():
        DatabaseRecord().refresh(run_ids)


@shared_task
def prepare(experiment: int) -> None:
    """Prepare the files of the experiment's examples, in a child that frees its memory at its end."""
    if shutting_down.is_set():
        return
    log = Path(settings.LOG_DIR) / "examples.log"
    arguments = ["-m", "webapp", "prepare", str(experiment)]
    child: Child[Notice] = Child(arguments, NOTICE, log, memory=LARGEST_MEMORY)
    try:
        child.all_messages(PREPARE_SECONDS)
    except TimeoutError:
        logger.warning("the examples of experiment %s were not ready after %d s", experiment, PREPARE_SECONDS)
    else:
        if child.process.returncode:
            logger.warning("the examples of experiment %s were not prepared: examples.log has the cause", experiment)
