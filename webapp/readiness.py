"""Checks of all that this web process needs: database, migrations, broker, the store of artifacts and its disk space."""

import logging
import os
import shutil
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings
from django.db import Error, connection
from django.db.migrations.executor import MigrationExecutor
from redis import Redis, RedisError

from training.storage.remote import StoreUnreachable
from webapp.artifact_store import artifact_store

logger = logging.getLogger(__name__)

PROBES = "probes/"
"""The folder of the probes in a shared store."""
PROBED = 4096
"""Bytes that are written to the store and read from it."""
FRESH_SECONDS = 2.0
"""Time for which an answer is given again, so that many requests cost one check."""
BROKER_SECONDS = 1


class Fault(Exception):
    """A fault in a sentence for the operator, without a password or a path."""


@dataclass(frozen=True)
class Readiness:
    faults: dict[str, str]
    """Sentences on faults by part; without any the process is ready."""
    store_seconds: float | None
    """Time of writing and reading a small file of the store, None where that failed."""

    @property
    def parts(self) -> dict[str, str]:
        return {name: self.faults.get(name, "ok") for name in CHECKS}


def check_database() -> None:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except Error as error:
        raise Fault("The database cannot be reached.") from error


_migrated = threading.Event()
"""Set once all migrations were found applied: they are not undone under a running process."""


def check_migrations() -> None:
    if _migrated.is_set():
        return
    try:
        executor = MigrationExecutor(connection)
        missing = executor.migration_plan(executor.loader.graph.leaf_nodes())
    except Error as error:
        raise Fault("The applied migrations cannot be read.") from error
    if missing:
        raise Fault(f"{len(missing)} migrations are not applied. Run: manage.py migrate.")
    _migrated.set()


def check_broker() -> None:
    try:
        with Redis.from_url(settings.REDIS_URL, socket_timeout=BROKER_SECONDS, socket_connect_timeout=BROKER_SECONDS) as redis:
            redis.ping()
    except RedisError as error:
        raise Fault("The broker does not answer: pages refresh by themselves, and new runs wait for it.") from error


def probe_store() -> float:
    """Write a small file to the store, read it and delete it. Return the seconds. Raises Fault."""
    content, begun = os.urandom(PROBED), time.perf_counter()
    try:
        folder = Path(settings.ARTIFACTS_DIR)
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=folder, prefix=".probe-") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
            if _read_back(Path(file.name)) != content:
                raise Fault("The store of artifacts returns other bytes than were written.")
    except StoreUnreachable as error:
        logger.warning("%s", error)
        raise Fault("The store of artifacts cannot be reached; the log of the web server says why.") from error
    except OSError as error:
        raise Fault(f"The store of artifacts cannot be written: {os.strerror(error.errno or 0)}.") from error
    return time.perf_counter() - begun


def _read_back(file: Path) -> bytes:
    """Return what the shared store, or without one the disk, says that ``file`` contains."""
    shared = artifact_store().shared
    if shared is None:
        return file.read_bytes()
    name = f"{PROBES}{file.name.removeprefix('.')}"
    try:
        shared.remote.upload(file, name)
        return shared.remote.read(name)
    finally:
        shared.remote.remove(name)


def check_disk() -> None:
    try:
        free = shutil.disk_usage(settings.ARTIFACTS_DIR).free
    except OSError as error:
        raise Fault("The disk of the artifacts cannot be read.") from error
    if free <= settings.DISK_RESERVE:
        reserve = settings.DISK_RESERVE / 2**30
        raise Fault(f"{free / 2**30:.2f} GiB are free on the disk of the artifacts, and {reserve:g} GiB are kept free.")


CHECKS: dict[str, Callable[[], float | None]] = {
    "database": check_database,
    "migrations": check_migrations,
    "broker": check_broker,
    "store": probe_store,
    "disk": check_disk,
}

_lock = threading.Lock()
_last: tuple[float, Readiness] | None = None


def readiness() -> Readiness:
    """Return what is wrong now, or was FRESH_SECONDS ago."""
    global _last
    with _lock:
        if _last is None or time.monotonic() - _last[0] > FRESH_SECONDS:
            _last = time.monotonic(), checked()
        return _last[1]


def checked() -> Readiness:
    """Check every part. A part that fails in an unknown way is a fault as well."""
    faults, store_seconds = dict[str, str](), None
    for name, check in CHECKS.items():
        try:
            seconds = check()
        except Fault as fault:
            faults[name] = str(fault)
        except Exception:
            logger.exception("the check of %s broke off", name)
            faults[name] = "The check broke off; the log of the web server has the error."
        else:
            store_seconds = seconds if name == "store" else store_seconds
    return Readiness(faults, store_seconds)
