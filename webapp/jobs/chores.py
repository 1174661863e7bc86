"""Work on data sets and examples in a child process, by a light worker of its own, as a training worker may be busy for hours."""

import contextlib
import functools
import json
import logging
import os
import queue
import resource
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from celery import shared_task
from django.conf import settings
from django.contrib.auth.models import User
from kombu.exceptions import OperationalError
from pydantic import ValidationError
from redis import Redis, RedisError

from training.catalog.column_mapping import Mapping
from training.catalog.dataset_card import About
from training.catalog.library import Card
from training.command_output import NOTICE, Notice, Preview, Refused
from training.fork_server import die_with_parent
from webapp.attributions import queries as erasures
from webapp.attributions import services as questions
from webapp.audit.models import Verb
from webapp.audit.services import tell
from webapp.celery import app
from webapp.database_outages import AWAY, patiently, reconnect
from webapp.experiments import archive_imports
from webapp.experiments.models import ArchiveImport
from webapp.imports import services
from webapp.imports.models import AT_WORK, Import, State
from webapp.jobs import archive_verification
from webapp.jobs.attributions import erase
from webapp.jobs.dispatch import CHORES
from webapp.jobs.leases import Held
from webapp.jobs.tasks import shutting_down
from webapp.jobs.trainer import STOP_GRACE_SECONDS
from webapp.row_isolation import sentence

logger = logging.getLogger(__name__)

T = TypeVar("T")

POLL_SECONDS = 0.25
LOOK_SECONDS = 60.0
PREPARE_SECONDS = 300
LARGEST_MEMORY = 6 * 2**30


def bring(owner: User, file: Path, name: str) -> Import:
    """Takes a file in and looks at its first rows. Raises ValueError with one sentence where they cannot be read."""
    one = services.receive(owner, file, name)
    try:
        services.looked(one, _look(one))
    except ValueError:
        services.discard(one)
        raise
    tell(owner, Verb.UPLOADED, "import", one.pk, one.title, bytes=one.size)
    return one


def _look(one: Import) -> Preview:
    try:
        done = subprocess.run(
            _command("look", str(one.file)),
            cwd=settings.BASE_DIR,
            capture_output=True,
            timeout=LOOK_SECONDS,
            check=False,
            preexec_fn=_hold,
        )
        notice = NOTICE.validate_json(done.stdout.splitlines()[-1])
    except (subprocess.TimeoutExpired, ValidationError, IndexError):
        raise ValueError("The first rows of the file cannot be read.") from None
    if not isinstance(notice, Preview):
        raise ValueError(notice.error if isinstance(notice, Refused) else "The first rows of the file cannot be read.")
    return notice


def check(one: Import, mapping: Mapping, about: About | None = None) -> bool:
    """Queues the checks. False when the broker is away: they start when it is back."""
    services.check(one, mapping, about)
    return call()


def fetch(owner: User, name: str) -> tuple[Import, bool]:
    under_way = Import.objects.filter(registered=name, state__in=AT_WORK).exists()
    one = services.fetch(owner, name)
    if not under_way:
        tell(owner, Verb.FETCHED, "dataset", name, name)
    return one, call()


def stop(one: Import, by: User) -> None:
    services.stop(one)
    tell(by, Verb.STOPPED, "import", one.pk, one.title)


def discard(one: Import, by: User) -> None:
    pk = one.pk
    if services.discard(one):
        tell(by, Verb.DISCARDED, "import", pk, one.title)


def save(one: Import, about: About, by: User) -> Card:
    """Puts what was checked on the shelf. Raises ValueError with one sentence where that cannot be."""
    card = services.save(one, about)
    tell(by, Verb.SAVED, "dataset", card.name, card.name, file=one.file_name)
    return card


def again(one: Import) -> bool:
    services.again(one)
    return call()


def bring_archive(owner: User, file: Path, name: str) -> ArchiveImport:
    """Queues an uploaded archive, which is verified when the worker comes to it. Raises archiving.NoRoom."""
    one = archive_verification.receive(owner, file, name)
    tell(owner, Verb.UPLOADED, "archive", one.pk, one.file_name, bytes=one.size)
    call()
    return one


def ask(keys: Sequence[str], example: int) -> bool:
    """Asks runs which words their answers hang on. False when the broker is away: they are asked when it is back."""
    questions.ask(keys, example)
    return call()


def call(times: int = 1) -> bool:
    """Calls the worker. A call may be lost or doubled: the record says what is to be done."""
    try:
        for _ in range(times):
            app.send_task(f"{__name__}.work", queue=CHORES, retry=False)
    except OperationalError as error:
        logger.warning("the broker is away, queued imports wait for it: %s", error)
        return False
    return True


def resend() -> None:
    """Calls again when the broker holds fewer calls than work is queued, as after it was restarted."""
    queued = Import.objects.filter(state=State.QUEUED).count() + erasures.queued() + archive_imports.queued()
    if not queued:
        return
    try:
        with Redis.from_url(settings.REDIS_URL, socket_timeout=2, socket_connect_timeout=2) as redis:
            waiting = redis.llen(CHORES)
    except RedisError:
        return
    call(queued - waiting)


@shared_task
def work() -> None:
    """Does the first queued piece of work, what takes seconds first; a message too many finds nothing to do."""
    if shutting_down.is_set():
        return
    if asked := _claimed(questions.claim_next):
        erase(asked)
    elif archive := _claimed(archive_imports.claim_next):
        archive_verification.work(archive, shutting_down)
    elif one := _claimed(services.claim_next):
        watch(one)


def _claimed(claim: Callable[[], T]) -> T | None:
    """What is claimed of one kind of work. A kind that cannot be claimed keeps no other from being done."""
    try:
        return claim()
    except AWAY:
        reconnect()
        raise
    except Exception:
        logger.exception("no work can be claimed by %s", claim)
        return None


@shared_task
def prepare(experiment: int) -> None:
    """Makes the files of the experiment's examples, in a child that takes its memory with it; a first look makes them too."""
    if shutting_down.is_set():
        return
    command = [sys.executable, str(settings.BASE_DIR / "manage.py"), "prepare", str(experiment)]
    try:
        done = subprocess.run(command, timeout=PREPARE_SECONDS, check=False, capture_output=True, preexec_fn=_hold)
    except subprocess.TimeoutExpired:
        logger.warning("the examples of experiment %s were not ready after %d s", experiment, PREPARE_SECONDS)
    else:
        if done.returncode:
            logger.warning("the examples of experiment %s: %s", experiment, done.stderr.decode(errors="replace").strip()[-500:])


def watch(one: Import) -> None:
    """Follows the child to its end, keeps the lease alive and passes on a wish to stop. The import ends, whatever happens."""
    try:
        _follow(one)
    except services.StaleError:
        return  # it was taken for dead: what the child still says is refused
    except Exception as error:
        logger.exception("%s broke off", one)
        reconnect()
        said = f"The work could not be done. {sentence(error)}"
        patiently(lambda: services.fail(one.pk, one.attempt, said))


def _follow(one: Import) -> None:
    lease = Held(str(one), time.monotonic(), STOP_GRACE_SECONDS)
    child = Child(one)
    try:
        with lease.enforced(child.stop):
            last = _listen(one, child, lease)
            status = child.process.wait()
        if status != 0 and (lease.run_out or (shutting_down.is_set() and not patiently(lambda: _stop_asked(one)))):
            patiently(lambda: services.give_back(one.pk, one.attempt))
        else:
            died = f"The work ended with status {status} without saying why."
            patiently(lambda: services.conclude(one.pk, one.attempt, last, died))
    finally:
        child.kill()


def _listen(one: Import, child: "Child", lease: Held) -> Notice | None:
    """The last notice of the child, once it says nothing more."""
    last: Notice | None = None
    told = time.monotonic()
    while True:
        with contextlib.suppress(queue.Empty):
            notice = child.notices.get(timeout=POLL_SECONDS)
            if notice is None:
                return last
            last = notice
        if time.monotonic() - told > POLL_SECONDS:
            told = time.monotonic()
            stop = lease.asked(functools.partial(services.tell, one.pk, one.attempt, last), False, renews=True)
            if stop or shutting_down.is_set():
                child.stop()


def _stop_asked(one: Import) -> bool:
    return Import.objects.filter(pk=one.pk, stop_asked=True).exists()


class Child:
    """A running ``python -m training data``, in a process group of its own."""

    def __init__(self, one: Import) -> None:
        settings.LOG_DIR.mkdir(parents=True, exist_ok=True)
        with (settings.LOG_DIR / "imports.log").open("ab") as log:
            self.process = subprocess.Popen(
                _work(one),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                start_new_session=True,
                preexec_fn=_hold,
                cwd=settings.BASE_DIR,
            )
        self.notices: queue.Queue[Notice | None] = queue.Queue()
        self._kill_at: float | None = None
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self.process.stdout
        for line in self.process.stdout:
            try:
                self.notices.put(NOTICE.validate_json(line))
            except ValidationError:
                logger.warning("not a notice: %r", line)
        self.notices.put(None)

    def stop(self) -> None:
        """Asks it to end; called again after the grace it kills the whole group."""
        if self._kill_at is None:
            self._kill_at = time.monotonic() + STOP_GRACE_SECONDS
            self._signal(signal.SIGTERM)
        elif time.monotonic() > self._kill_at:
            self.kill()

    def kill(self) -> None:
        self._signal(signal.SIGKILL)

    def _signal(self, sig: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, sig)


def _hold() -> None:
    """For a child before exec: it ends with the worker, and a file that lies about its size takes no more memory than this."""
    die_with_parent(signal.SIGTERM)
    resource.setrlimit(resource.RLIMIT_DATA, (LARGEST_MEMORY, LARGEST_MEMORY))


def _command(*words: str) -> list[str]:
    return [sys.executable, "-m", "training", "data", *words]


def _work(one: Import) -> list[str]:
    """The command line of an import; its mapping goes through a file beside the upload."""
    if one.registered:
        return _command("fetch", one.registered)
    mapping = one.folder / "mapping.json"
    mapping.write_text(json.dumps(one.mapping))
    words = [str(one.file), "--mapping", str(mapping)]
    about = one.known
    if about is None:
        return _command("check", *words, "--out", str(one.folder / "out"))
    named = [word for field, value in about.model_dump().items() if value for word in (f"--{field}={value}",)]
    return _command("add", *words, *named)
