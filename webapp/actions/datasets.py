"""Uploading, fetching, checking, saving, stopping and discarding data sets: the import, the audit log, then the light worker."""

from pathlib import Path

from django.contrib.auth.models import User

from training.catalog.column_mapping import Mapping
from training.catalog.dataset_card import About
from training.catalog.library import Card
from training.command_output import Preview, Refused
from webapp.audit.models import Verb
from webapp.audit.services import tell
from webapp.imports import blind, child, services
from webapp.imports.models import Import
from webapp.notifications import CHORES, call

PREVIEW_SECONDS = 60.0
UNREADABLE = "The first rows of the file cannot be read."


def upload(owner: User, file: Path, name: str) -> Import:
    """Return the import of a file, with a preview of its first rows.

    Raises ValueError where they cannot be read, StoreUnreachable, OSError.
    """
    row = services.receive(owner, file, name, _preview)
    tell(owner, Verb.UPLOADED, "import", row.pk, row.title, bytes=row.size)
    return row


def _preview(file: Path) -> Preview:
    try:
        last = next(reversed(child.start("look", str(file)).all_messages(PREVIEW_SECONDS)), None)
    except TimeoutError:
        last = None
    if not isinstance(last, Preview):
        raise ValueError(last.error if isinstance(last, Refused) else UNREADABLE)
    return last


def check(row: Import, mapping: Mapping, about: About | None = None) -> bool:
    """Queue the checks. False when the broker is away: they start when it is back. Raises ValueError for a name that is taken."""
    services.check(row, mapping, about)
    return call(CHORES)


def fetch(owner: User, name: str) -> tuple[Import, bool]:
    """Return the import of a registered data set, and whether the broker was reached. Raises ValueError for an unknown name."""
    row, new = services.fetch(owner, name)
    if new:
        tell(owner, Verb.FETCHED, "dataset", name, name)
    return row, call(CHORES)


def restart(row: Import) -> bool:
    """Queue an import that failed or was stopped. False when the broker is away."""
    services.restart(row)
    return call(CHORES)


def stop(row: Import, by: User) -> None:
    services.stop(row)
    tell(by, Verb.STOPPED, "import", row.pk, row.title)


def discard(row: Import, by: User) -> None:
    pk = row.pk
    if services.discard(row):
        tell(by, Verb.DISCARDED, "import", pk, row.title)


def save(row: Import, about: About, by: User) -> Card:
    """Add a checked data set to the library. Raises ValueError with a sentence where that is impossible."""
    card = services.save(row, about)
    tell(by, Verb.SAVED, "dataset", card.name, card.name, file=row.file_name)
    return card


def mark_blind(name: str, by: User, *, marked: bool) -> None:
    """Show the true labels of a data set to who imported it and to administrators alone, or to everybody again.

    Raises ValueError with a sentence for a data set whose truth is public.
    """
    if blind.mark(name, blind=marked):
        tell(by, Verb.BLINDED if marked else Verb.UNBLINDED, "dataset", name, name)
