"""Restoring a backup into an empty installation. What fails leaves nothing behind."""

import fcntl
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from django.conf import settings
from django.contrib.contenttypes.models import ContentType
from django.core.management import call_command
from django.db import DatabaseError, connection, transaction

from training.storage.archive import OnProgress, no_progress
from training.storage.remote import StoreUnreachable
from webapp.attributions import services as attributions
from webapp.attributions.models import Question
from webapp.attributions.models import State as AttributionState
from webapp.backups import files, tables
from webapp.backups.contents import Manifest, NotRestorable, table_name
from webapp.backups.unpacking import unpack
from webapp.experiments import archive_imports, services
from webapp.experiments.models import LEASED, ArchiveImport, ImportState, Run
from webapp.imports import services as imports
from webapp.imports.models import Import, State

CAUSE = "the laboratory was restored from a backup"


def restore(source: Path, on_progress: OnProgress = no_progress) -> Manifest:
    """Make this installation what the backup says. Raise NotRestorable, StoreUnreachable, OSError."""
    with _alone(), ExitStack() as undo:
        check_empty()
        failure = undo.enter_context(ExitStack())
        failure.callback(_drop_tables)
        place = Path(undo.enter_context(tempfile.TemporaryDirectory(dir=settings.DATA_DIR, prefix=".restoring-")))
        manifest = unpack(source, place, on_progress)
        _fill(manifest, place, on_progress)
        for path, target in _moves(place):
            failure.callback(_remove, target)
            target.parent.mkdir(parents=True, exist_ok=True)
            _remove(target)  # an empty folder, or the key that the start of this command has made
            shutil.move(path, target)
        uploaded = list[str]()
        failure.callback(_take_back, uploaded)
        files.upload(uploaded, on_progress)
        _give_back()
        failure.pop_all()
    return manifest


@contextmanager
def _alone() -> Iterator[None]:
    """Hold the lock of a running laboratory. Raise NotRestorable where one runs."""
    with (Path(settings.DATA_DIR) / "up.lock").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise NotRestorable(f"The laboratory runs on {settings.DATA_DIR}: stop it first.") from None
        yield


def check_empty() -> None:
    """Raise NotRestorable for an installation that has tables or files."""
    if "django_migrations" in connection.introspection.table_names():
        raise NotRestorable("The database is not empty: restore into a new one. Nothing was changed.")
    for name, folder in files.folders().items():
        if any(file.startswith(f"{name}/") for file in files.names()):
            place = settings.ARTIFACTS_URL if settings.ARTIFACTS_URL and name in files.SHARED else folder
            raise NotRestorable(f"{place} is not empty: restore into a new DATA_DIR. Nothing was changed.")


def _fill(manifest: Manifest, place: Path, on_progress: OnProgress) -> None:
    """Make the tables as they were, write their rows, and bring them to this version. Raise NotRestorable."""
    try:
        for words in tables.steps_to(manifest.migrations):
            call_command("migrate", *words, verbosity=0, interactive=False)
        models = tables.models_of(manifest.migrations)
        with transaction.atomic():
            tables.clear(models.values())
            for done, (label, model) in enumerate(models.items()):
                on_progress("writing the database", done, len(models))
                with (place / table_name(label)).open(encoding="utf-8") as lines:
                    count = tables.load(model, lines)
                if count != manifest.rows.get(label):
                    raise NotRestorable(f"The backup is damaged: {label} has {count} rows of {manifest.rows.get(label)}.")
            tables.continue_numbers(models.values())
        ContentType.objects.clear_cache()  # they have other numbers now
        call_command("migrate", verbosity=0, interactive=False)
    except (DatabaseError, ValueError, LookupError, OSError) as error:
        if isinstance(error, NotRestorable):
            raise
        raise NotRestorable(f"The rows of the backup cannot be written: {error}") from error


def _moves(place: Path) -> Iterator[tuple[Path, Path]]:
    """Yield what was unpacked, in few parts, with its place. The folders themselves may be disks or links, and stay."""
    for name, folder in files.folders().items():
        if (place / name).exists():
            yield from ((path, folder / path.name) for path in sorted((place / name).iterdir()))
    if (place / files.SECRET_KEY).exists():
        yield place / files.SECRET_KEY, files.place_of(files.SECRET_KEY)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _take_back(uploaded: list[str]) -> None:
    """Delete what was uploaded to the store. Raise NotRestorable where it is away."""
    try:
        files.take_back(uploaded)
    except StoreUnreachable as error:
        raise NotRestorable(f"{error} Files of the backup may be left there: delete them before the next restore.") from error


def _drop_tables() -> None:
    """Delete the tables that were made in a database that had none of ours."""
    connection.close()
    if connection.vendor == "sqlite":
        for suffix in ("", "-wal", "-shm"):
            Path(f"{connection.settings_dict['NAME']}{suffix}").unlink(missing_ok=True)
        return
    ours = {model._meta.db_table for model in tables.models_of(tables.applied(connection.alias)).values()} | {"django_migrations"}
    with connection.cursor() as cursor:
        for table in ours & set(connection.introspection.table_names()):
            cursor.execute(f"DROP TABLE {connection.ops.quote_name(table)} CASCADE")


def _give_back() -> None:
    """Queue what was at work when the backup was made: its workers work for another installation."""
    for pk, attempt in Run.objects.filter(status__in=LEASED).values_list("pk", "attempt"):
        services.give_back(pk, attempt, CAUSE)
    for pk, attempt in Import.objects.filter(state=State.RUNNING).values_list("pk", "attempt"):
        imports.give_back(pk, attempt)
    for pk, attempt in ArchiveImport.objects.filter(state=ImportState.RUNNING).values_list("pk", "attempt"):
        archive_imports.give_back(pk, attempt)
    attributions.give_back(list(Question.objects.filter(state=AttributionState.RUNNING)))
