"""Every write to imports, and their files."""

import shutil
from collections.abc import Callable
from pathlib import Path

from django.conf import settings
from django.contrib.auth.models import User
from django.db import transaction

from training import catalog
from training.base_models import cleaned
from training.catalog import dataset_card
from training.catalog.column_mapping import Mapping
from training.catalog.dataset_card import CHECKED_FILE, About
from training.catalog.library import Card
from training.command_output import Added, CheckResult, Notice, Preview, Refused
from training.events import Progress
from training.file_permissions import file_mode
from webapp import uploaded_files
from webapp.database_outages import Outage
from webapp.imports.models import AT_WORK, Import, State
from webapp.leases import Leases
from webapp.row_isolation import Isolated

LOST = "The worker that did this gave no sign of life. Start it again."

leases = Leases(Import, {"state": State.RUNNING})


def receive(owner: User, file: Path, name: str, look: Callable[[Path], Preview]) -> Import:
    """Return a new import of the file, which is moved into the import's folder, with the preview that ``look`` returns.

    Raises what ``look`` raises, StoreUnreachable, OSError, and leaves nothing then.
    """
    row = Import.objects.create(owner=owner, file_name=cleaned(Path(name).name[-255:]), size=file.stat().st_size)
    try:
        uploaded_files.remove(row.folder)  # a database that was restored gives numbers again whose folders exist already
        with uploaded_files.working(row.folder) as files:
            files.path.mkdir(parents=True, exist_ok=True)
            shutil.move(file, files.path / row.upload)
            (files.path / row.upload).chmod(file_mode())  # a temporary file is for the web server's account alone
            row.look = look(files.path / row.upload).model_dump(mode="json")
            files.publish(row.upload)
        row.save(update_fields=["look"])
    except Exception:
        discard(row)
        raise
    return row


def check(row: Import, mapping: Mapping, about: About | None = None) -> None:
    """Queue the checks; with ``about`` the data set is added to the library as soon as they are done.

    Raises ValueError where its name is another member's.
    """
    if about is not None:
        _check_name(row, about.name)
    row.mapping, row.about = mapping.model_dump(mode="json"), about and about.model_dump(mode="json")
    _queue(row)


def fetch(owner: User, name: str) -> tuple[Import, bool]:
    """Return the import of a registered data set, which is queued unless there is one at work, and whether it is new.

    Raises ValueError for an unknown name.
    """
    if catalog.registered(name) is None:
        raise catalog.unknown("registered data set", catalog.REGISTERED, name)
    running = Import.objects.filter(registered=name, state__in=AT_WORK).first()
    if running is not None:
        return running, False
    row = Import.objects.create(owner=owner, registered=name)
    _queue(row)
    return row, True


def restart(row: Import) -> None:
    """Queue an import that failed or was stopped, with the same mapping."""
    _queue(row)


def _queue(row: Import) -> None:
    row.state, row.error, row.checked, row.stop_asked = State.QUEUED, "", None, False
    row.phase, row.done, row.total = "", 0, 0
    row.save()


@transaction.atomic
def claim_next() -> Import | None:
    """Claim the first queued import. One whose row cannot be read fails, so that the queue goes on."""
    queued = list(Import.objects.filter(state=State.QUEUED).order_by("pk").values_list("pk", flat=True))
    for row in _claiming.each(queued, _readable, _fail_damaged):
        if row:
            leases.claim(row, state=State.RUNNING)
            return row
    return None


_claiming = Isolated("queued imports", first=0)


def _readable(pk: int) -> Import | None:
    """Return the queued import, locked, if all that the work needs can be read."""
    row = Import.objects.select_for_update().filter(pk=pk, state=State.QUEUED).first()
    if row:
        _ = row.preview, row.column_mapping, row.description
    return row


def _fail_damaged(pk: int, error: str) -> None:
    Import.objects.filter(pk=pk, state=State.QUEUED).update(
        state=State.FAILED, error=f"The record of this import is damaged. {error}"
    )


def report(pk: int, attempt: int, notice: Notice | None) -> bool:
    """Store the newest notice of the child and renew the lease; return whether a stop was requested. Raises StaleAttempt."""
    progress = {"phase": notice.phase, "done": notice.done, "total": notice.total} if isinstance(notice, Progress) else {}
    leases.renew(pk, attempt, **progress)
    return stop_requested(pk)


def stop_requested(pk: int) -> bool:
    return Import.objects.filter(pk=pk, stop_asked=True).exists()


@transaction.atomic
def conclude(pk: int, attempt: int, last: Notice | None, error: str) -> None:
    """Store the end of a child with its last notice; ``error`` is for a child that ended without one. Raises StaleAttempt."""
    row = leases.lock(pk, attempt)
    match last:
        case CheckResult():
            leases.end(pk, attempt, state=State.CHECKED, checked=last.model_dump(mode="json"))
        case Added():
            leases.end(pk, attempt, state=State.SAVED, shelved=last.card.name)
            uploaded_files.clear(row.folder)
        case Refused():
            leases.end(pk, attempt, state=State.FAILED, error=last.error)
        case _ if row.stop_asked:
            leases.end(pk, attempt, state=State.STOPPED)
        case _:
            leases.end(pk, attempt, state=State.FAILED, error=error)


def give_back(pk: int, attempt: int) -> None:
    """Return the import of a worker that shuts down to the queue. Raises StaleAttempt."""
    leases.end(pk, attempt, state=State.QUEUED)


def fail(pk: int, attempt: int, error: str) -> None:
    """End an attempt that cannot be done, without reading the row, which may be damaged. Raises StaleAttempt."""
    leases.end(pk, attempt, state=State.FAILED, error=error)


def fail_expired(outage: Outage | None = None) -> int:
    """Fail the imports whose worker died, and return their number. Those that ``outage`` ended are queued again instead."""
    leases.excused(outage).filter(stop_asked=False).update(state=State.QUEUED, lease_until=None)
    return leases.expired().update(state=State.FAILED, error=LOST, lease_until=None)


def reopen(row: Import) -> None:
    """Return from a report or a failure to the mapping."""
    if not row.at_work and row.look:
        row.state, row.error, row.checked = State.NEW, "", None
        row.save()


def stop(row: Import) -> None:
    """Request a stop of a running import; a queued one is stopped at once."""
    with transaction.atomic():
        current = Import.objects.select_for_update().get(pk=row.pk)
        if current.state == State.QUEUED:
            current.state = State.STOPPED
        current.stop_asked = current.state == State.RUNNING
        current.save(update_fields=["state", "stop_asked"])


def save(row: Import, about: About) -> Card:
    """Add a checked import to the library.

    Raises ValueError where its name is taken, or it was not checked; DamagedArtifact, StoreUnreachable, OSError.
    """
    checked, mapping = row.check_result, row.column_mapping
    if row.state != State.CHECKED or checked is None or mapping is None:
        raise ValueError("This data set has not been checked.")
    _check_name(row, about.name)
    with uploaded_files.working(row.folder) as files:
        files.fetch(f"{row.out}/{CHECKED_FILE}")
        card = dataset_card.put(checked, mapping, about, row.file_name, files.path / row.out)
    row.state, row.shelved, row.about = State.SAVED, card.name, about.model_dump(mode="json")
    row.save()
    uploaded_files.clear(row.folder)
    return card


def _check_name(row: Import, name: str) -> None:
    """Only its owner and admins may replace the description of a data set in the library."""
    others = Import.objects.filter(state=State.SAVED, shelved=name).exclude(owner=row.owner)
    if not row.owner.is_superuser and (other := others.select_related("owner").first()):
        raise ValueError(f"The data set “{name}” belongs to {other.owner.get_username()}: choose another name.")


def discard(row: Import) -> bool:
    """Delete an import that is not at work, with its file; return whether it was deleted."""
    if row.at_work:
        return False
    uploaded_files.clear(row.folder)
    row.delete()
    return True


def clear_strays() -> None:
    """Delete the files of imports that were saved or are not in the database, as after a kill or a restored backup.

    Raises StoreUnreachable.
    """
    here = {path.name for path in Path(settings.UPLOADS_DIR).iterdir()}
    strays = {name for name in here | uploaded_files.names() if name.isdecimal()}
    # The rows are read later, as a folder is made after its row.
    strays -= {str(pk) for pk in Import.objects.exclude(state=State.SAVED).values_list("pk", flat=True)}
    for name in strays:
        uploaded_files.remove(Path(settings.UPLOADS_DIR) / name)
