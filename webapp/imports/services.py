"""Every write to the record of imports, and the files beside it."""

import shutil
from datetime import datetime, timedelta
from pathlib import Path

from django.conf import settings
from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from training import catalog
from training.base_models import cleaned
from training.catalog import dataset_card
from training.catalog.column_mapping import Mapping
from training.catalog.dataset_card import About
from training.catalog.library import Card
from training.command_output import Added, CheckResult, Notice, Preview, Refused
from training.events import Progress
from training.file_permissions import file_mode
from webapp.database_outages import Outage
from webapp.imports.models import AT_WORK, Import, State
from webapp.row_isolation import Isolated

LOST = "The worker that did this gave no sign of life. Start it again."


class StaleError(Exception):
    """Another attempt, or nobody, does this work by now."""


def receive(owner: User, file: Path, name: str) -> Import:
    """An import of the file, which is moved into a folder of its own."""
    found = Import.objects.create(owner=owner, file_name=cleaned(Path(name).name[-255:]), size=file.stat().st_size)
    _clear(found)  # a database that was restored gives numbers again whose folders there are already
    found.folder.mkdir(parents=True)
    shutil.move(file, found.file)
    found.file.chmod(file_mode())  # a web server's temporary files are for its account alone, also in a shared folder
    return found


def looked(one: Import, look: Preview) -> None:
    one.look = look.model_dump(mode="json")
    one.save(update_fields=["look"])


def check(one: Import, mapping: Mapping, about: About | None = None) -> None:
    """Queues the checks; with ``about`` the data set is shelved as soon as they are done.

    Raises ValueError where its name is another member's.
    """
    if about is not None:
        _check_name(one, about.name)
    one.mapping, one.about = mapping.model_dump(mode="json"), about and about.model_dump(mode="json")
    _queue(one)


def fetch(owner: User, name: str) -> Import:
    """Queues the fetching of a registered data set, unless that is under way. Raises ValueError for an unknown name."""
    if name not in catalog.REGISTERED:
        raise catalog.unknown("registered data set", catalog.REGISTERED, name)
    found = Import.objects.filter(registered=name, state__in=AT_WORK).first()
    if found is None:
        found = Import.objects.create(owner=owner, registered=name)
        _queue(found)
    return found


def again(one: Import) -> None:
    """Queues what failed or was stopped, as it was asked for before."""
    _queue(one)


def _queue(one: Import) -> None:
    one.state, one.error, one.checked, one.stop_asked = State.QUEUED, "", None, False
    one.phase, one.done, one.total = "", 0, 0
    one.save()


@transaction.atomic
def claim_next() -> Import | None:
    """The first queued import, for the worker that asks. One whose record cannot be read fails, so that the queue goes on."""
    queued = list(Import.objects.filter(state=State.QUEUED).order_by("pk").values_list("pk", flat=True))
    for found in _claiming.each(queued, _readable, _fail_damaged):
        if found:
            found.state, found.attempt, found.lease_until = State.RUNNING, found.attempt + 1, _lease()
            found.save()
            return found
    return None


_claiming = Isolated("queued imports", first=0)


def _readable(pk: int) -> Import | None:
    """The queued import, of which all that its work needs can be read."""
    found = Import.objects.select_for_update().filter(pk=pk, state=State.QUEUED).first()
    if found:
        _ = found.looked, found.how, found.known
    return found


def _fail_damaged(pk: int, error: str) -> None:
    said = f"The record of this import is damaged. {error}"
    Import.objects.filter(pk=pk, state=State.QUEUED).update(state=State.FAILED, error=said)


@transaction.atomic
def tell(pk: int, attempt: int, notice: Notice | None) -> bool:
    """Stores the newest notice of a child and renews its lease; whether somebody asked it to stop. Raises StaleError."""
    one = _mine(pk, attempt)
    one.lease_until = _lease()
    if isinstance(notice, Progress):
        one.phase, one.done, one.total = notice.phase, notice.done, notice.total
    one.save(update_fields=["lease_until", "phase", "done", "total"])
    return one.stop_asked


@transaction.atomic
def conclude(pk: int, attempt: int, last: Notice | None, died: str) -> None:
    """The end of a child with its last notice; ``died`` is what to say of one that ended without. Raises StaleError."""
    one = _mine(pk, attempt)
    match last:
        case CheckResult():
            one.state, one.checked = State.CHECKED, last.model_dump(mode="json")
        case Added():
            one.state, one.shelved = State.SAVED, last.card.name
        case Refused():
            one.state, one.error = State.FAILED, last.error
        case _ if one.stop_asked:
            one.state = State.STOPPED
        case _:
            one.state, one.error = State.FAILED, died
    one.lease_until = None
    one.save()
    if one.state == State.SAVED:
        _clear(one)


@transaction.atomic
def give_back(pk: int, attempt: int) -> None:
    """A worker that shuts down in order returns its work to the queue."""
    one = _mine(pk, attempt)
    one.state, one.lease_until = State.QUEUED, None
    one.save()


def reopen(one: Import) -> None:
    """Back to the mapping, from a report or a failure."""
    if not one.at_work and one.look:
        one.state, one.error, one.checked = State.NEW, "", None
        one.save()


def stop(one: Import) -> None:
    """Asks the child to stop; what only waits is stopped at once."""
    with transaction.atomic():
        now = Import.objects.select_for_update().get(pk=one.pk)
        if now.state == State.QUEUED:
            now.state = State.STOPPED
        now.stop_asked = now.state == State.RUNNING
        now.save(update_fields=["state", "stop_asked"])


def save(one: Import, about: About) -> Card:
    """Puts a checked import on the shelf. Raises ValueError where its name is taken, or it was not checked."""
    checked, how = one.found, one.how
    if one.state != State.CHECKED or checked is None or how is None:
        raise ValueError("This data set has not been checked.")
    _check_name(one, about.name)
    card = dataset_card.put(checked, how, about, one.file_name, one.folder / "out")
    one.state, one.shelved, one.about = State.SAVED, card.name, about.model_dump(mode="json")
    one.save()
    _clear(one)
    return card


def _check_name(one: Import, name: str) -> None:
    """What is said of a data set on the shelf is changed by who brought it and by admins."""
    others = Import.objects.filter(state=State.SAVED, shelved=name).exclude(owner=one.owner)
    if not one.owner.is_superuser and (other := others.select_related("owner").first()):
        raise ValueError(f"The data set “{name}” is one of {other.owner.get_username()}: choose another name.")


def discard(one: Import) -> bool:
    """Forgets an import that is not at work, with its file; whether that was so."""
    if one.at_work:
        return False
    _clear(one)
    one.delete()
    return True


def fail_expired(outage: Outage | None = None) -> int:
    """Imports whose worker died; how many there were. Those that the database's own ``outage`` ended are queued again."""
    gone = Import.objects.filter(state=State.RUNNING, lease_until__lt=timezone.now())
    if outage:
        gone.filter(lease_until__range=outage.leases, stop_asked=False).update(state=State.QUEUED, lease_until=None)
    return gone.update(state=State.FAILED, error=LOST, lease_until=None)


def fail(pk: int, attempt: int, error: str) -> None:
    """Ends the attempt at an import that cannot be done: without reading its row, which may be damaged."""
    at_work = Import.objects.filter(pk=pk, attempt=attempt, state=State.RUNNING)
    at_work.update(state=State.FAILED, error=error, lease_until=None)


def _mine(pk: int, attempt: int) -> Import:
    one = Import.objects.select_for_update().filter(pk=pk, attempt=attempt, state=State.RUNNING).first()
    if one is None:
        raise StaleError(f"attempt {attempt} no longer does import {pk}")
    return one


def _lease() -> datetime:
    return timezone.now() + timedelta(seconds=settings.LEASE_SECONDS)


def clear_strays() -> None:
    """Deletes the folders of imports that the record does not know, as after a kill, or where an older one was restored."""
    found = [path for path in Path(settings.UPLOADS_DIR).iterdir() if path.name.isdecimal()]
    known = {str(pk) for pk in Import.objects.values_list("pk", flat=True)}  # later: a folder is made after its row
    for path in found:
        if path.name not in known:
            shutil.rmtree(path, ignore_errors=True)


def _clear(one: Import) -> None:
    shutil.rmtree(one.folder, ignore_errors=True)
