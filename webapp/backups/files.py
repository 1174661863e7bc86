"""The files of an installation that a backup has: what cannot be made again from the database and the package.

Where machines share a store, its files are those of the artifacts, data sets, shares and uploads.
"""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from django.conf import settings

from training.catalog.shared_library import FOLDER
from training.storage.archive import CHECKSUMS, OnProgress, no_progress
from training.storage.checksums import LINE, SUFFIX, sidecar
from training.storage.remote import Remote
from training.storage.shared_files import BEGUN, LISTED
from webapp import temporary_files
from webapp.artifact_store import artifact_store, shares_folder
from webapp.readiness import PROBES
from webapp.uploaded_files import UPLOADS

SECRET_KEY = "secret-key"  # nosec B105 # the name of a file
SHARED = ("artifacts", "datasets", "shares", UPLOADS)
"""Folders whose files are in the store that machines share, if they share one."""
LEFT_OUT = (f"{temporary_files.PREFIX}*", ".*", "*.lock", "quarantine")
"""Names below the folders that hold nothing lasting."""


def folders() -> dict[str, Path]:
    """Return the folders of a backup by their names in it."""
    return {
        "artifacts": Path(settings.ARTIFACTS_DIR),
        "datasets": Path(settings.DATASETS_DIR),
        "shares": shares_folder(),
        "uploads": Path(settings.UPLOADS_DIR),
    }


def place_of(name: str) -> Path:
    """Return where the file of this name in a backup belongs."""
    head, _, rest = name.partition("/")
    return folders()[head] / rest if rest else Path(settings.DATA_DIR) / name


def names() -> Iterator[str]:
    """Yield the names of all files by folder, each before its checksum. One of them may be removed meanwhile."""
    remote = _remote()
    for head, folder in folders().items():
        if remote and head in SHARED:
            yield from sorted(_shared_names(remote, head))
            continue
        for path in sorted(_files(folder)):
            yield f"{head}/{path.relative_to(folder).as_posix()}"
    if (Path(settings.DATA_DIR) / SECRET_KEY).exists():
        yield SECRET_KEY


def _files(folder: Path) -> Iterator[Path]:
    for path in folder.iterdir() if folder.is_dir() else ():
        if any(path.match(pattern) for pattern in LEFT_OUT) or path.is_symlink():
            continue
        if path.is_dir():
            yield from _files(path)
        elif path.suffix != SUFFIX:
            yield path
            if sidecar(path).exists():
                yield sidecar(path)


def _remote() -> Remote | None:
    shared = artifact_store().shared
    return shared.remote if shared else None


def _shared_names(remote: Remote, head: str) -> Iterator[str]:
    if head != "artifacts":
        yield from remote.names(f"{head}/")
        return
    for name in remote.names(""):
        if not name.startswith((FOLDER, f"{LISTED}/", f"{UPLOADS}/", BEGUN, PROBES)):
            yield f"{head}/{name}"


def _in_store(name: str) -> str:
    return name.removeprefix("artifacts/")


@contextmanager
def opened(name: str) -> Iterator[IO[bytes]]:
    """Open a file of this name in a backup. Raises FileNotFoundError, StoreUnreachable."""
    remote = _remote()
    if remote is None or name.partition("/")[0] not in SHARED:
        with place_of(name).open("rb") as file:
            yield file
        return
    with tempfile.TemporaryDirectory(dir=temporary_files.folder()) as folder:
        remote.download(_in_store(name), Path(folder) / "file")
        with (Path(folder) / "file").open("rb") as file:
            yield file


def upload(begun: list[str], on_progress: OnProgress = no_progress) -> None:
    """Give restored files to the store that machines share, last those that mark a run or a version as complete.

    Their names in it are appended to ``begun``, each before its upload. Raises StoreUnreachable.
    """
    if (remote := _remote()) is None:
        return
    for head in ("artifacts", "datasets", UPLOADS):  # the copies of shares are below the artifacts
        folder = folders()[head]
        paths = sorted(_files(folder), key=_order)
        for done, path in enumerate(paths):
            on_progress(f"uploading {head} to the store", done, len(paths))
            begun.append(_in_store(f"{head}/{path.relative_to(folder).as_posix()}"))
            remote.upload(path, begun[-1])
            if head == UPLOADS:
                path.unlink()  # no process has a copy of it


def take_back(begun: list[str]) -> None:
    """Delete uploaded files from the store, first those that mark something as complete. Raises StoreUnreachable."""
    last = begun[-1:]  # where its upload has failed, its removal may fail too
    if remote := _remote():
        for name in (*reversed(begun[:-1]), *last):
            remote.remove(name)


def _order(path: Path) -> tuple[object, ...]:
    return path.name == CHECKSUMS, path.name.startswith("predictions."), path.suffix != SUFFIX, path


def expected(name: str) -> str | None:
    """Return the SHA-256 that the file must have: of the checksum beside it, or in the name of a data set; None for others."""
    path = place_of(name)
    if name.startswith("datasets/") and path.suffix == ".parquet" and len(path.stem) == 64:
        return path.stem
    try:
        with opened(name + SUFFIX) as file:
            line = LINE.fullmatch(file.read().decode("ascii"))
    except FileNotFoundError:
        return None
    return line[1] if line else ""
