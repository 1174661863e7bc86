"""Every write to imports of archives, and their files."""

import contextlib
import shutil
import time
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

from django.conf import settings
from django.contrib.auth.models import AnonymousUser, User
from django.db import transaction
from django.db.models import Q, QuerySet
from django.db.models.functions import Now

from training.events import Progress
from training.storage.atomic import out_of_room
from training.storage.remote import StoreUnreachable
from webapp import uploaded_files
from webapp.experiments.models import ArchiveImport, Experiment, ImportState
from webapp.leases import Leases, StaleAttempt

LOST = "The worker that verified this gave no sign of life. Upload the archive again."
BROKEN_OFF = "The upload broke off. Upload the archive again."
FILE = "archive.zip"
LONGEST_FILE_NAME = 255
ABANDONED_SECONDS = 600
LONGEST_UPLOAD = timedelta(days=1)
"""Time after which the files of a failed import in the store are no upload that still goes on."""

leases = Leases(ArchiveImport, {"state": ImportState.RUNNING})


class DiskFull(Exception):
    """The disk has no room for the upload; the message says so."""


def receive(owner: User, file: Path, name: str) -> ArchiveImport:
    """Return a new import of the file, which is moved into the import's folder.

    Raises DiskFull, StoreUnreachable, and leaves nothing then.
    """
    try:
        if shutil.disk_usage(settings.UPLOADS_DIR).free < settings.DISK_RESERVE:
            raise DiskFull("There is no room for the archive on the laboratory's disk.")
        return _receive(owner, file, name)
    except OSError as error:
        if out_of_room(error):
            raise DiskFull("The laboratory's disk is full.") from None
        raise


def _receive(owner: User, file: Path, name: str) -> ArchiveImport:
    """Queue an import once its file is complete; until then, and after a kill, it is one that failed."""
    about = {"file_name": Path(name).name[-LONGEST_FILE_NAME:] or "archive", "size": file.stat().st_size}
    row = ArchiveImport.objects.create(owner=owner, state=ImportState.FAILED, problems=[BROKEN_OFF], **about)
    try:
        uploaded_files.remove(row.folder)
        with uploaded_files.working(row.folder) as files:
            files.path.mkdir(parents=True, exist_ok=True)
            shutil.move(file, files.path / FILE)
            files.publish(FILE)
    except (OSError, StoreUnreachable):
        clear(row)
        row.delete()
        raise
    row.state, row.problems = ImportState.QUEUED, []
    row.save(update_fields=["state", "problems"])
    return row


def visible(user: User | AnonymousUser) -> QuerySet[ArchiveImport]:
    """Imports that the account may see: its own, and all of them for an administrator."""
    rows = ArchiveImport.objects.select_related("owner")
    return rows if user.is_superuser else rows.filter(owner_id=user.pk)


@transaction.atomic
def claim_next() -> ArchiveImport | None:
    """Claim the first queued import."""
    row = ArchiveImport.objects.select_for_update().filter(state=ImportState.QUEUED).order_by("pk").first()
    if row:
        leases.claim(row, state=ImportState.RUNNING)
    return row


def report(pk: int, attempt: int, progress: Progress | None) -> None:
    """Store the progress of the child and renew the lease. Raises StaleAttempt."""
    known = {} if progress is None else {"phase": progress.phase[:40], "done": progress.done, "total": progress.total}
    leases.renew(pk, attempt, **known)


def finish(pk: int, attempt: int, experiment: Experiment) -> None:
    """Store that the import has become this experiment. Raises StaleAttempt."""
    leases.end(pk, attempt, state=ImportState.DONE, experiment=experiment)


def refuse(pk: int, attempt: int, problems: Sequence[str]) -> None:
    """Store why the archive is not imported. Raises StaleAttempt."""
    leases.end(pk, attempt, state=ImportState.FAILED, problems=list(problems))


def give_back(pk: int, attempt: int) -> None:
    """Return the import of a worker that shuts down to the queue. Raises StaleAttempt."""
    leases.end(pk, attempt, state=ImportState.QUEUED)


def queued() -> int:
    return ArchiveImport.objects.filter(state=ImportState.QUEUED).count()


def fail_expired() -> int:
    """Fail the imports whose worker died, delete their files, and return their number."""
    expired = list(leases.expired())
    for row in expired:
        with contextlib.suppress(StaleAttempt):  # it was renewed just now
            refuse(row.pk, row.attempt, [LOST])
            clear(row)
    return len(expired)


def delete_abandoned() -> None:
    """Delete the files that killed processes have left of imports that are not at work."""
    at_work = {row.folder for row in ArchiveImport.objects.filter(state__in=(ImportState.QUEUED, ImportState.RUNNING))}
    for folder in Path(settings.UPLOADS_DIR).glob("archive-*"):
        if folder not in at_work and time.time() - folder.stat().st_mtime > ABANDONED_SECONDS:
            shutil.rmtree(folder, ignore_errors=True)


def clear_strays() -> None:
    """Delete the files in the store of imports that have ended or are not in the database. Raises StoreUnreachable."""
    strays = {name for name in uploaded_files.names() if name.startswith("archive-")}
    may_go_on = Q(state__in=(ImportState.QUEUED, ImportState.RUNNING)) | Q(created_at__gt=Now() - LONGEST_UPLOAD)
    strays -= {row.folder.name for row in ArchiveImport.objects.filter(may_go_on)}
    for name in strays:
        uploaded_files.remove(Path(settings.UPLOADS_DIR) / name)


def clear(row: ArchiveImport) -> None:
    uploaded_files.clear(row.folder)
