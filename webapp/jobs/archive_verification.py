"""Work on imports of archives: verified in a child process with bounded memory, then stored as an experiment."""

import functools
import logging
import shutil
import signal
import time
from contextlib import suppress
from pathlib import Path

from django.conf import settings
from django.db import transaction

from training import RunSpec, Store
from training.command_output import NOTICE, Notice, NotVerified, Verified
from training.events import Progress
from training.storage.archive import RESULT_FILES, RUN, Broken, each_event, read
from training.storage.atomic import out_of_room
from training.storage.remote import StoreUnreachable
from webapp import uploaded_files
from webapp.artifact_store import artifact_store
from webapp.audit.models import Verb
from webapp.audit.services import tell
from webapp.child_processes import Child
from webapp.database_outages import patiently
from webapp.experiments import archive_adoption, archive_imports, imported_runs
from webapp.experiments.models import ArchiveImport, Experiment, Run, Status
from webapp.jobs.leased_work import HeldLease, concluded, follow, meanwhile

logger = logging.getLogger(__name__)

DIED = "The archive could not be verified: the work ended without saying why."
TOO_LARGE = "The archive needs more memory to be read than it may use."
TOO_LONG = "The archive took longer to be verified than it may (IMPORT_HOURS)."
OUT = "out"
OUT_OF_MEMORY = (-signal.SIGKILL, -signal.SIGSEGV, -signal.SIGABRT)
SINGLE_THREAD = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}


def work(row: ArchiveImport) -> None:
    """Follow the child of a claimed import to its end; then the archive is an experiment, or has problems."""

    def fail(error: str) -> None:
        archive_imports.refuse(row.pk, row.attempt, [f"The archive could not be imported. {error}"])
        archive_imports.clear(row)

    with concluded(str(row), fail), uploaded_files.working(row.folder) as files:
        _work(row, files)


def _work(row: ArchiveImport, files: uploaded_files.WorkingFolder) -> None:
    lease, report = HeldLease(str(row), time.monotonic()), functools.partial(_report, row)
    meanwhile(lambda: files.fetch(archive_imports.FILE), lease, report)
    child = _start(files.path)
    try:
        messages = follow(child, lease, report, longest=settings.IMPORT_SECONDS)
    finally:
        child.kill()
    last = next(reversed(messages), None)
    too_long = child.stopping and child.seconds > settings.IMPORT_SECONDS
    if child.stopping and not too_long and not isinstance(last, Verified | NotVerified):
        patiently(lambda: archive_imports.give_back(row.pk, row.attempt))
        return
    problems = [TOO_LONG] if too_long else patiently(lambda: _problems(row, files.path, last, child.process.returncode))
    if problems:
        patiently(lambda: archive_imports.refuse(row.pk, row.attempt, problems))
    archive_imports.clear(row)


def _report(row: ArchiveImport, last: Notice | None) -> bool:
    archive_imports.report(row.pk, row.attempt, last if isinstance(last, Progress) else None)
    return False


def _problems(row: ArchiveImport, folder: Path, last: Notice | None, status: int) -> list[str]:
    """Store an archive that was verified in ``folder``; return why it cannot be stored, or was not verified, a sentence each."""
    match last:
        case Verified():
            return _adopt(row, folder / OUT, last)
        case NotVerified():
            return list(last.problems)
        case _:
            return [TOO_LARGE if status in OUT_OF_MEMORY else DIED]


def _adopt(row: ArchiveImport, folder: Path, verified: Verified) -> list[str]:
    """Store the verified archive in ``folder`` as an experiment; return why that is impossible, a sentence each."""
    store = artifact_store()
    trained = Run.objects.filter(claimed_key="", status=Status.FINISHED, key__in=[*verified.equal, *verified.different])
    ours = set(trained.values_list("key", flat=True))
    clashing = [key for key in verified.different if key in ours]
    if clashing:
        return [f"Run {key[:12]} has been trained here too, with other predictions." for key in clashing]
    try:
        with transaction.atomic():
            locked = archive_imports.leases.lock(row.pk, row.attempt)
            experiment = Experiment.objects.filter(origin__content=verified.content).first()
            if experiment is None:
                experiment = _experiment(locked, folder, verified.content, ours.intersection(verified.equal), store)
            archive_imports.finish(row.pk, row.attempt, experiment)
    except Broken as error:
        return error.problems
    except StoreUnreachable:
        logger.exception("an archive could not be placed")
        return ["The store of artifacts cannot be reached now: import the archive again later."]
    except OSError as error:
        logger.exception("an archive could not be placed")
        return ["The disk has no room for the runs of the archive." if out_of_room(error) else f"{DIED[:-1]} ({error.strerror})."]
    imported_runs.compare()
    return []


def _experiment(row: ArchiveImport, folder: Path, content: str, ours: set[str], store: Store) -> Experiment:
    archive, runs = read(folder), dict[str, RunSpec]()
    for path in sorted(folder.glob(f"runs/*/{RUN}")):
        runs[path.parent.name] = RunSpec.model_validate_json(path.read_text(encoding="utf-8"))
    experiment, keys = archive_adoption.adopt(row.owner, archive, content, runs, ours, lambda key: each_event(folder, key))
    placed = list[Path]()
    try:
        for there, here in keys.items():
            source = folder / "runs" / there
            if there not in ours and (source / RESULT_FILES[-1]).exists() and not store.finished(here):
                placed.append(store.run(here))
                _place(source, store.run(here), runs[there].with_keys(keys))
    except (OSError, StoreUnreachable):
        for target in placed:
            shutil.rmtree(target, ignore_errors=True)
            with suppress(StoreUnreachable):
                if store.shared:
                    store.shared.remove_all(target)
        raise
    tell(row.owner, Verb.IMPORTED, "experiment", experiment.pk, experiment.name, content=content)
    return experiment


def _place(source: Path, target: Path, spec: RunSpec) -> None:
    """Copy the run's files to the store, the predictions last, since a run with predictions counts as finished."""
    store = artifact_store()
    with store.writing(target / RUN) as path:
        path.write_text(spec.model_dump_json(indent=2), encoding="utf-8")
    for name in RESULT_FILES:
        with store.writing(target / name) as path:
            shutil.copyfile(source / name, path)


def _start(folder: Path) -> Child[Notice]:
    """Start ``python -m training verify`` on the archive in ``folder``."""
    command = ["-m", "training", "verify", str(folder / archive_imports.FILE)]
    folders = ["--out", str(folder / OUT), "--store", str(settings.ARTIFACTS_DIR)]
    limits = ["--largest", str(settings.ARCHIVE_LARGEST), "--reserve", str(settings.DISK_RESERVE)]
    log, memory = Path(settings.LOG_DIR) / "imports.log", settings.ARCHIVE_MEMORY
    return Child([*command, *folders, *limits], NOTICE, log, memory=memory, environment=SINGLE_THREAD)
