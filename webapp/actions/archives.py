"""Uploading archives: the import, the audit log, then the light worker, which verifies it."""

from pathlib import Path

from django.contrib.auth.models import User

from webapp.audit.models import Verb
from webapp.audit.services import tell
from webapp.experiments import archive_imports
from webapp.experiments.models import ArchiveImport
from webapp.notifications import CHORES, call


def upload(owner: User, file: Path, name: str) -> ArchiveImport:
    """Queue an archive to be verified. Raises archive_imports.DiskFull."""
    row = archive_imports.receive(owner, file, name)
    tell(owner, Verb.UPLOADED, "archive", row.pk, row.file_name, bytes=row.size)
    call(CHORES)
    return row
