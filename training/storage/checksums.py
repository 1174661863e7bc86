"""Checksums of artifacts: the SHA-256 of each file is stored beside it, written before it, and compared when it is read."""

import errno
import glob
import hashlib
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import NoReturn

from training.storage.atomic import atomic

SUFFIX = ".sha256"
LINE = re.compile(r"([0-9a-f]{64})  ([^/\n]+)\n")
COMPLETE = "checksums-complete"
"""File in a store's root that declares that every artifact has a checksum, so one without it is damaged."""
QUARANTINE = "quarantine"
KINDS = (
    *("runs/*/*.parquet", "runs/*/*.safetensors", "runs/*/run.json"),
    *("features/*.npy", "tokens/*.bin", "tokens/*.npy"),
)
"""Files of a store that have a checksum. A checkpoint begins with its own; a data set is named after its own."""

CHANGED = "is damaged: its content is not what was written"
UNREADABLE = "is damaged: it cannot be read"
UNCHECKED = "is damaged: it has lost its checksum"
MISSING = "is missing"


class DamagedArtifact(Exception):
    """A file that is not what was written: ``name`` of the run ``key``, which is empty for a file that several runs share.

    The message is a sentence without the path of the file.
    """

    def __init__(self, key: str, name: str, problem: str) -> None:
        super().__init__(key, name, problem)
        self.key, self.name, self.problem = key, name, problem

    def __str__(self) -> str:
        return f"{self.name}{f' of run {self.key[:12]}' if self.key else ''} {self.problem}."


def digest(path: Path) -> str:
    """Return the SHA-256 of a file's content, as 64 hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def sidecar(path: Path) -> Path:
    """Return the file with the checksum of ``path``, in the format of ``sha256sum``."""
    return path.with_name(path.name + SUFFIX)


def equal(path: Path, checksum: str, *, again: bool = False) -> bool:
    """Return whether a file has this SHA-256; one unchanged since it was equal is read again only where ``again``."""
    status = path.stat()
    known = (checksum, status.st_ino, status.st_size, status.st_mtime_ns)
    if not again and _verified.get(path) == known:
        return True
    _verified.pop(path, None)
    if digest(path) != checksum:
        return False
    _verified[path] = known
    return True


def remove(path: Path) -> None:
    """Delete a file and its checksum, if they exist."""
    path.unlink(missing_ok=True)
    sidecar(path).unlink(missing_ok=True)


_verified: dict[Path, tuple[str, int, int, int]] = {}
"""Files verified in this process: the checksum, and the inode, size and time of the file."""

_comparing: dict[Path, threading.Lock] = {}
"""Held while a file is compared, so that threads which need the same file compare it once."""


def comparing(path: Path) -> threading.Lock:
    """Return the lock of a file, which is held while it is compared."""
    return _comparing.setdefault(path, threading.Lock())


class Checksums:
    """The checksums of the files below ``root``. Reading writes nothing, so a read-only folder can be read."""

    def __init__(self, root: Path) -> None:
        self.root = root

    @contextmanager
    def writing(self, target: Path) -> Iterator[Path]:
        """Yield a path that replaces ``target`` when the block succeeds, its checksum just before it."""
        with atomic(target) as path:
            yield path
            self._write(target, digest(path))

    def has(self, path: Path) -> bool:
        return path.exists()

    def names(self, folder: Path) -> set[str]:
        """Return the names of the files in a folder."""
        return {path.name for path in folder.glob("*")}

    def keys(self, name: str, prefix: str) -> list[str]:
        """Return the keys of the runs that begin with ``prefix`` and have a file ``name``."""
        return [path.parent.name for path in self.root.glob(f"runs/{glob.escape(prefix)}*/{name}")]

    def read(self, path: Path) -> bytes:
        """Return the content of a file after comparing it. Raises FileNotFoundError, DamagedArtifact."""
        try:
            data = path.read_bytes()
        except OSError as error:
            self._refuse(path, error)
        expected = self._expected(path)
        if expected is not None and hashlib.sha256(data).hexdigest() != expected:
            raise self.damaged(path, CHANGED)
        return data

    def _refuse(self, path: Path, error: OSError) -> NoReturn:
        """Raise DamagedArtifact for a failing medium; re-raise other errors, which are temporary: permission, open files."""
        if error.errno == errno.EIO:
            raise self.damaged(path, UNREADABLE) from error
        raise error

    def verify(self, path: Path, *, again: bool = False) -> None:
        """Compare a file with its checksum; one unchanged since the last comparison only where ``again``.

        Raises FileNotFoundError, DamagedArtifact.
        """
        with comparing(path):
            self._verify(path, again)

    def _verify(self, path: Path, again: bool) -> None:
        path.stat()  # one that is missing has lost no checksum
        expected = self._expected(path)
        try:
            if expected is not None and not equal(path, expected, again=again):
                raise self.damaged(path, CHANGED)
        except OSError as error:
            self._refuse(path, error)

    def recheck(self, path: Path) -> None:
        """Compare a file as if for the first time. Raises FileNotFoundError, DamagedArtifact."""
        self.verify(path, again=True)

    def _expected(self, path: Path) -> str | None:
        """Return the expected checksum; None for a store of an older version before its adoption, and for other files."""
        try:
            line = LINE.fullmatch(sidecar(path).read_text(encoding="ascii"))
        except FileNotFoundError:
            if self.complete:
                raise self.damaged(path, UNCHECKED) from None
            return None
        except UnicodeDecodeError:
            line = None
        except OSError as error:
            self._refuse(path, error)
        if line is None or line[2] != path.name:
            raise self.damaged(path, UNCHECKED)
        return line[1]

    def damaged(self, path: Path, problem: str) -> DamagedArtifact:
        parts = path.relative_to(self.root).parts
        return DamagedArtifact(parts[1] if parts[0] == "runs" else "", path.name, problem)

    def quarantine(self, *paths: Path) -> None:
        """Move files and their checksums to a new folder below quarantine/; missing files are skipped."""
        stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%f")
        for path in paths:
            folder = self.root / QUARANTINE / path.parent.relative_to(self.root) / stamp
            folder.mkdir(parents=True, exist_ok=True)
            self._move(path, folder)

    def _move(self, path: Path, folder: Path) -> None:
        for file in (path, sidecar(path)):
            with suppress(FileNotFoundError):
                file.rename(folder / file.name)

    @property
    def complete(self) -> bool:
        return (self.root / COMPLETE).exists()

    def begin(self) -> None:
        """Declare the store complete if every artifact has a checksum, as in a new one."""
        if not self.complete and all(sidecar(path).exists() for path in self.artifacts()):
            self._declare()

    def artifacts(self) -> Iterator[Path]:
        for pattern in KINDS:
            yield from (path for path in self.root.glob(pattern) if not path.name.startswith("."))

    def adopt(self) -> int:
        """Give checksums to the artifacts of an older version that have none, and return their number.

        Such a checksum states the file's content now, not at the time of writing.
        """
        if self.complete:
            return 0
        adopted = 0
        for path in list(self.artifacts()):
            if not sidecar(path).exists():
                with suppress(FileNotFoundError):
                    self._write(path, digest(path))
                    adopted += 1
        self._declare()
        return adopted

    def _write(self, target: Path, checksum: str) -> None:
        with atomic(sidecar(target)) as path:
            path.write_text(f"{checksum}  {target.name}\n", encoding="ascii")

    def _declare(self) -> None:
        with atomic(self.root / COMPLETE) as path:
            path.write_text("Every artifact below this folder has its SHA-256 beside it, in a file that ends in .sha256.\n")
