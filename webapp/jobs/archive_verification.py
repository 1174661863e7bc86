"""Archives that were uploaded, each unpacked and verified by a limited child of the light worker, then adopted by the record."""

import logging
import os
import queue
import resource
import shutil
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from django.conf import settings
from django.contrib.auth.models import User
from django.db import transaction
from pydantic import ValidationError

from training import RunSpec, Store
from training.command_output import NOTICE, Notice, NotVerified, Verified
from training.events import Progress
from training.fork_server import die_with_parent
from training.storage.archive import RESULT_FILES, RUN, Broken, each_event, read
from training.storage.atomic import out_of_room
from webapp.audit.models import Verb
from webapp.audit.services import tell
from webapp.experiments import archive_adoption, archive_imports, imported_runs
from webapp.experiments.models import ArchiveImport, Experiment, Run, Status

logger = logging.getLogger(__name__)

POLL_SECONDS = 0.25
STOP_GRACE_SECONDS = 4.0
DIED = "The archive could not be verified: the work ended without saying why."
TOO_LARGE = "The archive needs more memory to be read than it may use."


class Flag(Protocol):
    """An event of threads or of processes."""

    def is_set(self) -> bool: ...


class NoRoom(Exception):
    """The disk has no room for the upload; the message says so."""


def receive(owner: User, file: Path, name: str) -> ArchiveImport:
    """Queues an uploaded archive. Raises NoRoom."""
    try:
        if shutil.disk_usage(settings.UPLOADS_DIR).free < settings.DISK_RESERVE:
            raise NoRoom("There is no room for the archive on the laboratory's disk.")
        return archive_imports.receive(owner, file, name)
    except OSError as error:
        if out_of_room(error):
            raise NoRoom("The laboratory's disk is full.") from None
        raise


def work(one: ArchiveImport, shutting_down: Flag | None = None) -> None:
    """Follows the child to its end and keeps the lease alive; then the archive is an experiment, or has problems."""
    child, last = Child(one), None
    renewed = time.monotonic()
    stopping = None
    try:
        while True:
            with suppress(queue.Empty):
                notice = child.notices.get(timeout=POLL_SECONDS)
                if notice is None:
                    break
                last = notice
            if time.monotonic() - renewed > POLL_SECONDS:
                renewed = time.monotonic()
                archive_imports.tell(one.pk, one.attempt, last if isinstance(last, Progress) else None)
            if shutting_down is not None and shutting_down.is_set():
                stopping = stopping or time.monotonic()
                child.stop(signal.SIGTERM if time.monotonic() - stopping < STOP_GRACE_SECONDS else signal.SIGKILL)
        status = child.process.wait()
        if stopping is not None and not isinstance(last, Verified | NotVerified):
            archive_imports.give_back(one.pk, one.attempt)
            return
        _conclude(one, last, status)
        archive_imports.clear(one)
    except archive_imports.StaleError:
        return  # it was taken for dead: what the child still says is refused
    finally:
        child.stop(signal.SIGKILL)


def _conclude(one: ArchiveImport, last: Notice | None, status: int) -> None:
    match last:
        case Verified():
            problems = _adopt(one, last)
        case NotVerified():
            problems = list(last.problems)
        case _:
            problems = [TOO_LARGE if status in (-signal.SIGKILL, -signal.SIGSEGV, -signal.SIGABRT) else DIED]
    if problems:
        archive_imports.refuse(one.pk, one.attempt, problems)


def _adopt(one: ArchiveImport, found: Verified) -> list[str]:
    """Makes the verified archive an experiment; what keeps it from that, a sentence each."""
    folder, store = one.folder / "out", Store(settings.ARTIFACTS_DIR)
    trained = Run.objects.filter(claimed_key="", status=Status.FINISHED, key__in=[*found.equal, *found.different])
    ours = set(trained.values_list("key", flat=True))
    clashing = [key for key in found.different if key in ours]
    if clashing:
        return [f"Run {key[:12]} has been trained here too, with other predictions." for key in clashing]
    try:
        with transaction.atomic():
            held = archive_imports.hold(one.pk, one.attempt)
            experiment = Experiment.objects.filter(origin__content=found.content).first()
            if experiment is None:
                experiment = _experiment(held, folder, found.content, ours.intersection(found.equal), store)
            archive_imports.finish(held, experiment)
    except Broken as error:
        return error.problems
    except OSError as error:
        logger.exception("an archive could not be placed")
        return ["The disk has no room for the runs of the archive." if out_of_room(error) else f"{DIED[:-1]} ({error.strerror})."]
    imported_runs.compare()
    return []


def _experiment(one: ArchiveImport, folder: Path, content: str, ours: set[str], store: Store) -> Experiment:
    about, runs = read(folder), dict[str, RunSpec]()
    for path in sorted(folder.glob(f"runs/*/{RUN}")):
        runs[path.parent.name] = RunSpec.model_validate_json(path.read_text(encoding="utf-8"))
    experiment, names = archive_adoption.adopt(one.owner, about, content, runs, ours, lambda key: each_event(folder, key))
    placed = list[Path]()
    try:
        for key, name in names.items():
            if key not in ours and (folder / "runs" / key / RESULT_FILES[-1]).exists() and not store.finished(name):
                placed.append(store.run(name))
                _place(folder / "runs" / key, store.run(name), runs[key].with_keys(names))
    except OSError:
        for target in placed:
            shutil.rmtree(target, ignore_errors=True)
        raise
    tell(one.owner, Verb.IMPORTED, "experiment", experiment.pk, experiment.name, content=content)
    return experiment


def _place(brought: Path, target: Path, spec: RunSpec) -> None:
    """The run's files where its own would be, the predictions last: these say that it has finished."""
    store = Store(settings.ARTIFACTS_DIR)
    with store.writing(target / RUN) as path:
        path.write_text(spec.model_dump_json(indent=2), encoding="utf-8")
    for name in RESULT_FILES:
        with store.writing(target / name) as path:
            shutil.copyfile(brought / name, path)


class Child:
    """A running ``python -m training verify``, in a process group of its own, with bounded memory."""

    def __init__(self, one: ArchiveImport) -> None:
        settings.LOG_DIR.mkdir(parents=True, exist_ok=True)
        words = [str(one.file), "--out", str(one.folder / "out"), "--store", str(settings.ARTIFACTS_DIR)]
        limits = ["--largest", str(settings.ARCHIVE_LARGEST), "--reserve", str(settings.DISK_RESERVE)]
        with (settings.LOG_DIR / "imports.log").open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "training", "verify", *words, *limits],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                start_new_session=True,
                preexec_fn=_hold,
                cwd=settings.BASE_DIR,
                env=os.environ | {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"},
            )
        self.notices: queue.Queue[Notice | None] = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self.process.stdout
        for line in self.process.stdout:
            try:
                self.notices.put(NOTICE.validate_json(line))
            except ValidationError:
                logger.warning("not a notice: %r", line)
        self.notices.put(None)

    def stop(self, sig: signal.Signals) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, sig)


def _hold() -> None:
    """For a child before exec: it ends with the worker, and takes no more memory than an archive may need."""
    die_with_parent(signal.SIGTERM)
    resource.setrlimit(resource.RLIMIT_DATA, (settings.ARCHIVE_MEMORY, settings.ARCHIVE_MEMORY))
