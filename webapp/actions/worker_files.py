"""The files that a worker by HTTPS may read and write: those of its runs, of what these need, and features that all share."""

import hashlib
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet

from training.catalog import library
from training.catalog.shared_library import FOLDER as LIBRARY
from training.names import GIVEN, UnsafeName, component
from training.storage.checksums import SUFFIX
from training.storage.checksums import digest as file_digest
from training.storage.event_files import is_event_file
from training.storage.remote import FolderRemote, Remote, open_remote
from webapp import temporary_files
from webapp.artifact_store import artifact_store
from webapp.experiments.models import LEASED, Run

PIECE = 2**20
SHARED = ("features", "tokens")
"""Folders of files that several runs read, each computed once."""

NOT_HELD = "A worker reads and writes files of the runs that it holds, and reads those of the runs that these need."
NO_NAME = "That is no name of a file that a worker may read or write."


class Taken(Exception):
    """A shared file of this name exists, or is being written by another worker; what was sent is not needed."""


class Changed(Exception):
    """The content that arrived is not what was sent."""


def store() -> Remote:
    """Return the artifacts of the laboratory."""
    if settings.ARTIFACTS_URL:
        return open_remote(settings.ARTIFACTS_URL)
    artifact_store().checksums.begin()
    return _folder(settings.ARTIFACTS_DIR)


def _folder(path: str | Path) -> FolderRemote:
    Path(path).mkdir(parents=True, exist_ok=True)
    return FolderRemote(Path(path).as_uri())


def readable(worker: str, name: str) -> tuple[Remote, str]:
    """Return the store with the file ``name`` and its name there. Raises PermissionDenied where the worker may not read it."""
    if name.startswith(LIBRARY):
        return _dataset(worker, name)
    folder, *rest = _parts(name)
    if folder in SHARED and len(rest) == 1 and _held(worker).exists():
        return store(), name
    if folder == "runs" and len(rest) == 2 and (_holds(worker, rest[0]) or _needs(worker, rest[0])):
        return store(), name
    raise PermissionDenied(NOT_HELD)


def writable(worker: str, name: str) -> Remote:
    """Return the store into which the worker may write the file ``name``. Raises PermissionDenied."""
    folder, *rest = _parts(name)
    shared = folder in SHARED and len(rest) == 1 and _held(worker).exists()
    # Events of earlier attempts are the laboratory's own.
    own = folder == "runs" and len(rest) == 2 and not is_event_file(rest[1]) and _holds(worker, rest[0])
    if shared or own:
        return store()
    raise PermissionDenied(NOT_HELD)


def listed(worker: str, prefix: str) -> Iterator[str]:
    """Yield the names that begin with ``prefix``, which names a folder first. Raises PermissionDenied."""
    folder, _, begin = prefix.rpartition("/")
    remote, _ = readable(worker, f"{folder}/{begin or 'any'}")
    return remote.names(prefix)


def _parts(name: str) -> list[str]:
    try:
        return [component(part) for part in name.split("/")]
    except UnsafeName:
        raise PermissionDenied(NO_NAME) from None


def _held(worker: str) -> QuerySet[Run]:
    return Run.objects.filter(worker=worker, status__in=LEASED)


def _holds(worker: str, key: str) -> bool:
    return _held(worker).filter(key=key).exists()


def _needs(worker: str, key: str) -> bool:
    return _held(worker).filter(needs__key=key).exists()


def _dataset(worker: str, name: str) -> tuple[Remote, str]:
    """Return the data set library with a file of the data set, or of the labels from outside, of a run that the worker holds."""
    names = set[str]()
    for run in _held(worker):
        spec = run.run_spec
        names |= {f"{spec.fingerprint}.parquet", f"{spec.dataset}.json"}
        if spec.model.startswith(GIVEN):
            names |= {f"outside/{spec.digest}.parquet", f"outside/{spec.model.removeprefix(GIVEN)}.json"}
    if name.removeprefix(LIBRARY) not in names:
        raise PermissionDenied(NOT_HELD)
    return (store(), name) if settings.ARTIFACTS_URL else (_folder(library.folder()), name.removeprefix(LIBRARY))


def remove(worker: str, name: str) -> None:
    """Delete a file of a run that the worker holds, or a shared one that is damaged. Raises PermissionDenied, Taken."""
    remote = writable(worker, name)
    if name.partition("/")[0] in SHARED and _undamaged(remote, name.removesuffix(SUFFIX)):
        raise Taken
    remote.remove(name)


def _undamaged(remote: Remote, name: str) -> bool:
    """Return whether the store has the shared file with its checksum."""
    with tempfile.TemporaryDirectory(dir=temporary_files.folder()) as folder:
        copy = Path(folder) / "copy"
        try:
            remote.download(name, copy)
            return remote.read(f"{name}{SUFFIX}").startswith(file_digest(copy).encode())
        except FileNotFoundError:
            return False


def receive(read: Callable[[int], bytes], digest: str, target: IO[bytes]) -> None:
    """Write what ``read`` returns to ``target``. Raises Changed where its SHA-256 is not ``digest``."""
    content = hashlib.sha256()
    while piece := read(PIECE):
        content.update(piece)
        target.write(piece)
    target.flush()
    if content.hexdigest() != digest:
        raise Changed


def put(remote: Remote, name: str, source: Path, digest: str) -> None:
    """Make a file that was received visible.

    Raises Taken for a shared one that exists, or whose checksum, which is written first, is of another content.
    """
    if name.partition("/")[0] in SHARED and _taken(remote, name, digest):
        raise Taken
    remote.upload(source, name)


def _taken(remote: Remote, name: str, digest: str) -> bool:
    if remote.size(name.removesuffix(SUFFIX)) is not None:
        return remote.size(name) is not None
    checksum = f"{name}{SUFFIX}"
    return remote.size(checksum) is not None and not remote.read(checksum).startswith(digest.encode())
