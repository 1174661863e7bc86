"""Checksums of artifacts: the SHA-256 of each file stands beside it, is written before it, and is compared when it is read."""

import errno
import hashlib
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import NoReturn

from training.storage.atomic import atomic

SUFFIX = ".sha256"
LINE = re.compile(r"([0-9a-f]{64})  ([^/\n]+)\n")
COMPLETE = "checksums-complete"
"""The file in a store's root which says that every artifact has a checksum, so that one without has lost it."""
QUARANTINE = "quarantine"
KINDS = (
    *("runs/*/*.parquet", "runs/*/*.safetensors", "runs/*/run.json"),
    *("features/*.npy", "tokens/*.bin", "tokens/*.npy"),
)
"""The files of a store that have a checksum. A checkpoint begins with its own; a data set is named after its own."""

CHANGED = "is damaged: its content is not what was written"
UNREADABLE = "is damaged: it cannot be read"
UNCHECKED = "is damaged: it has lost its checksum"
MISSING = "is missing"


class DamagedArtifact(Exception):
    """A file that is not what was written: ``name`` of the run ``key``, empty of a file that several runs share.

    The text is a sentence without the path of the file.
    """

    def __init__(self, key: str, name: str, problem: str) -> None:
        super().__init__(key, name, problem)
        self.key, self.name, self.problem = key, name, problem

    def __str__(self) -> str:
        return f"{self.name}{f' of run {self.key[:12]}' if self.key else ''} {self.problem}."


def digest(path: Path) -> str:
    """SHA-256 of a file's content, as 64 hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def sidecar(path: Path) -> Path:
    """The file with the checksum of ``path``, as ``sha256sum`` writes it."""
    return path.with_name(path.name + SUFFIX)


def remove(path: Path) -> None:
    """Deletes a file and its checksum, where they are there."""
    path.unlink(missing_ok=True)
    sidecar(path).unlink(missing_ok=True)


_verified: dict[Path, tuple[str, int, int, int]] = {}
"""What was compared in this process: the checksum, and the inode, size and time of the file that had it."""


class Checksums:
    """Those of the files below ``root``. Reading writes nothing, so that a folder which somebody sealed stays as it is."""

    def __init__(self, root: Path) -> None:
        self.root = root

    @contextmanager
    def writing(self, target: Path) -> Iterator[Path]:
        """A path whose content takes the place of ``target`` when the block ends well, its checksum just before it."""
        with atomic(target) as path:
            yield path
            self._write(target, digest(path))

    def read(self, path: Path) -> bytes:
        """All of a file, compared anew. Raises FileNotFoundError, DamagedArtifact."""
        try:
            data = path.read_bytes()
        except OSError as error:
            self._refuse(path, error)
        expected = self._expected(path)
        if expected is not None and hashlib.sha256(data).hexdigest() != expected:
            raise self.damaged(path, CHANGED)
        return data

    def _refuse(self, path: Path, error: OSError) -> NoReturn:
        """Only a medium that fails is damage: a lack of permission or of open files, or a server that is away, will pass."""
        if error.errno == errno.EIO:
            raise self.damaged(path, UNREADABLE) from error
        raise error

    def verify(self, path: Path, *, again: bool = False) -> None:
        """Compares a file with its checksum; one that has not been changed since it was compared only ``again``.

        Raises FileNotFoundError, DamagedArtifact.
        """
        status = path.stat()
        expected = self._expected(path)
        if expected is None:
            return
        known = (expected, status.st_ino, status.st_size, status.st_mtime_ns)
        if not again and _verified.get(path) == known:
            return
        _verified.pop(path, None)
        try:
            found = digest(path)
        except OSError as error:
            self._refuse(path, error)
        if found != expected:
            raise self.damaged(path, CHANGED)
        _verified[path] = known

    def _expected(self, path: Path) -> str | None:
        """None in a store of an older version that has not been adopted yet, and for what is no file of a store."""
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
        """Moves files and their checksums aside, into a folder of their own below quarantine/; skips those that are gone."""
        stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%f")
        for path in paths:
            folder = self.root / QUARANTINE / path.parent.relative_to(self.root) / stamp
            folder.mkdir(parents=True, exist_ok=True)
            for one in (path, sidecar(path)):
                with suppress(FileNotFoundError):
                    one.rename(folder / one.name)

    @property
    def complete(self) -> bool:
        return (self.root / COMPLETE).exists()

    def begin(self) -> None:
        """A store where nothing is without a checksum, as a new one, never has an artifact without."""
        if not self.complete and all(sidecar(path).exists() for path in self.artifacts()):
            self._declare()

    def artifacts(self) -> Iterator[Path]:
        for pattern in KINDS:
            yield from (path for path in self.root.glob(pattern) if not path.name.startswith("."))

    def adopt(self) -> int:
        """Gives a checksum to what an older version has left without; returns to how many files.

        It says what a file is now, and not that it was so when it was written.
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
