"""Every write to the record of archives on their way to experiments, and the files beside it."""

import shutil
import time
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path

from django.conf import settings
from django.contrib.auth.models import AnonymousUser, User
from django.db import transaction
from django.db.models import QuerySet
from django.db.models.functions import Now
from django.utils import timezone

from training.events import Progress
from webapp.experiments.models import ArchiveImport, Experiment, ImportState

LOST = "The worker that verified this gave no sign of life. Upload the archive again."
LONGEST_FILE_NAME = 255
ABANDONED_SECONDS = 600


class StaleError(Exception):
    """Another attempt, or nobody, does this work by now."""


def receive(owner: User, file: Path, name: str) -> ArchiveImport:
    """An import of the file, which is moved into a folder of its own. Raises OSError, and then there is none."""
    size = file.stat().st_size
    with transaction.atomic():
        made = ArchiveImport.objects.create(owner=owner, file_name=Path(name).name[-LONGEST_FILE_NAME:] or "archive", size=size)
        shutil.rmtree(made.folder, ignore_errors=True)
        try:
            made.folder.mkdir(parents=True)
            shutil.move(file, made.file)
        except OSError:
            clear(made)
            raise
    return made


def visible(user: User | AnonymousUser) -> QuerySet[ArchiveImport]:
    """Those that the account may see: its own, and an administrator all."""
    everything = ArchiveImport.objects.select_related("owner")
    return everything if user.is_superuser else everything.filter(owner_id=user.pk)


@transaction.atomic
def claim_next() -> ArchiveImport | None:
    """The first queued one, for the worker that asks."""
    found = ArchiveImport.objects.select_for_update().filter(state=ImportState.QUEUED).order_by("pk").first()
    if found:
        found.state, found.attempt, found.lease_until = ImportState.RUNNING, found.attempt + 1, _lease()
        found.save()
    return found


def tell(pk: int, attempt: int, progress: Progress | None) -> None:
    """Stores how far a child is and renews its lease. Raises StaleError."""
    known = {} if progress is None else {"phase": progress.phase[:40], "done": progress.done, "total": progress.total}
    held = ArchiveImport.objects.filter(pk=pk, attempt=attempt, state=ImportState.RUNNING)
    if not held.update(lease_until=_lease(), **known):
        raise StaleError(f"attempt {attempt} no longer does archive import {pk}")


def hold(pk: int, attempt: int) -> ArchiveImport:
    """The import, locked for this attempt until the transaction ends. Raises StaleError."""
    found = ArchiveImport.objects.select_for_update().filter(pk=pk, attempt=attempt, state=ImportState.RUNNING).first()
    if found is None:
        raise StaleError(f"attempt {attempt} no longer does archive import {pk}")
    return found


def finish(one: ArchiveImport, experiment: Experiment) -> None:
    """For an import that is held: it has become this experiment."""
    one.state, one.experiment, one.lease_until = ImportState.DONE, experiment, None
    one.save()


@transaction.atomic
def refuse(pk: int, attempt: int, problems: Sequence[str]) -> None:
    """Raises StaleError."""
    one = hold(pk, attempt)
    one.state, one.problems, one.lease_until = ImportState.FAILED, list(problems), None
    one.save()


@transaction.atomic
def give_back(pk: int, attempt: int) -> None:
    """A worker that shuts down in order returns its work to the queue. Raises StaleError."""
    one = hold(pk, attempt)
    one.state, one.lease_until = ImportState.QUEUED, None
    one.save()


def queued() -> int:
    return ArchiveImport.objects.filter(state=ImportState.QUEUED).count()


def fail_expired() -> int:
    """Imports whose worker died; how many there were. What they left on the disk goes."""
    gone = list(ArchiveImport.objects.filter(state=ImportState.RUNNING, lease_until__lt=Now()))
    for one in gone:
        held = ArchiveImport.objects.filter(pk=one.pk, attempt=one.attempt, state=ImportState.RUNNING)
        if held.update(state=ImportState.FAILED, problems=[LOST], lease_until=None):
            clear(one)
    return len(gone)


def sweep() -> None:
    """Takes away what processes that were killed have left of imports that are not at work."""
    at_work = {one.folder for one in ArchiveImport.objects.filter(state__in=(ImportState.QUEUED, ImportState.RUNNING))}
    for folder in Path(settings.UPLOADS_DIR).glob("archive-*"):
        if folder not in at_work and time.time() - folder.stat().st_mtime > ABANDONED_SECONDS:
            shutil.rmtree(folder, ignore_errors=True)


def clear(one: ArchiveImport) -> None:
    shutil.rmtree(one.folder, ignore_errors=True)


def _lease() -> datetime:
    return timezone.now() + timedelta(seconds=settings.LEASE_SECONDS)
