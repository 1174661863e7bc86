"""Local copies of the files of a store that several machines share: fetched, verified, uploaded, and removed in time."""

import errno
import logging
import math
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from fnmatch import fnmatch
from pathlib import Path

from training.storage.atomic import atomic
from training.storage.checksums import (
    CHANGED,
    LINE,
    SUFFIX,
    UNCHECKED,
    Checksums,
    DamagedArtifact,
    comparing,
    digest,
    equal,
    remove,
    sidecar,
)
from training.storage.remote import Remote, StoreUnreachable

log = logging.getLogger(__name__)

FRESH_SECONDS = 5.0
"""Time for which a copy that was compared with the store is taken without asking again: a page reads a file many times."""
USED_SECONDS = 60.0
"""Time for which a copy stays after a use: its reader may open it a moment after it was verified."""
ATTEMPTS = 3
"""Attempts at a file that another machine replaces at the same time."""
BEST = "best-*.safetensors"
"""Files of weights of unfinished runs, to which a checkpoint refers."""
FINISHED = "predictions.parquet"
LISTED = "shares"
"""Folder of frozen folders: each has a list of the checksums of its files, which never change."""
BEGUN = "begun/"
"""Folder of the notes that say when the upload of a frozen folder began."""

_compared: dict[Path, float] = {}
"""Times at which copies were last equal to the file of the store, in this process."""


class SharedFiles(Checksums):
    """The files below ``root`` as copies of those of ``remote``, of at most ``cache_bytes`` as far as the store has them too.

    A file of the store has its checksum beside it, uploaded before it. A copy is compared by that checksum when it is read, and
    downloaded again where it differs; only a file that is damaged in the store itself is a damaged one. While the store cannot be
    reached, copies are read as they are. Every method raises StoreUnreachable.
    """

    def __init__(self, root: Path, remote: Remote, cache_bytes: float = math.inf) -> None:
        super().__init__(root)
        self.remote, self.cache_bytes = remote, cache_bytes
        self._grown = math.inf  # the folder may be full of copies of an earlier process

    @property
    def complete(self) -> bool:
        return True

    def begin(self) -> None:
        """Do nothing: every file of a shared store has a checksum."""

    def reachable(self) -> bool:
        try:
            self.remote.size("probes/none")
        except StoreUnreachable as error:
            log.warning("%s", error)
            return False
        return True

    def has(self, path: Path) -> bool:
        return (self._is_fresh(path) and path.exists()) or self.remote.size(self.name_of(path)) is not None

    def names(self, folder: Path) -> set[str]:
        return {Path(name).name for name in self.remote.names(f"{self.name_of(folder)}/")}

    def keys(self, name: str, prefix: str) -> list[str]:
        return [there.split("/")[1] for there in self.remote.names(f"runs/{prefix}") if there.endswith(f"/{name}")]

    @contextmanager
    def writing(self, target: Path) -> Iterator[Path]:
        with super().writing(target) as path:
            yield path
        self.publish(target)

    def read(self, path: Path) -> bytes:
        self.fetch(path)
        try:
            return super().read(path)
        except (FileNotFoundError, DamagedArtifact):  # the copy was removed meanwhile, or is damaged
            self._download(path)
            return super().read(path)

    def verify(self, path: Path, *, again: bool = False) -> None:
        self.fetch(path)
        try:
            super().verify(path, again=again)
        except (FileNotFoundError, DamagedArtifact):
            self._download(path)
            super().verify(path, again=True)

    def recheck(self, path: Path) -> None:
        """Compare the file of the store itself; one that is damaged there is mended by an undamaged copy."""
        try:
            self._download(path)
        except DamagedArtifact:
            if not path.exists() or self._line(path) != _content(sidecar(path)):
                raise
            super().verify(path, again=True)
            log.warning("%s of the store was damaged and is replaced by the copy of this machine.", self.name_of(path))
            self.upload(path)

    def fetch(self, path: Path) -> None:
        """Have a copy of the file at ``path`` that the store's checksum fits. Raises FileNotFoundError, DamagedArtifact."""
        if self._is_fresh(path) and path.exists():
            return
        try:
            line = self._line(path)
        except StoreUnreachable:
            if path.exists() and sidecar(path).exists():
                return
            raise
        if not (path.exists() and _content(sidecar(path)) == line):
            self._download(path)
        self._use(path)

    def add(self, path: Path) -> None:
        """Upload a file that has no checksum yet."""
        self._write(path, digest(path))
        self.publish(path)

    def publish(self, path: Path) -> None:
        """Upload a file after its checksum. The first of two writers counts, of a run once it has finished."""
        name = self.name_of(path)
        final = not name.startswith("runs/") or self.remote.size(self.name_of(path.with_name(FINISHED))) is not None
        if final and self.remote.size(name) is not None:
            return
        self.upload(path)
        self._use(path)
        self._grow(path.stat().st_size)

    def upload(self, path: Path) -> None:
        """Upload a file after its checksum, until both are those of one machine."""
        name, line = self.name_of(path), _content(sidecar(path))
        for _ in range(ATTEMPTS):
            if self._stored(name + SUFFIX) not in (None, line):
                self.remote.remove(name)  # it does not fit the checksum that comes now
            self.remote.upload(sidecar(path), name + SUFFIX)
            self.remote.upload(path, name)
            if self._stored(name + SUFFIX) == line:
                return
        raise StoreUnreachable(f"The store {self.remote.url} takes {name} from several machines at once.")

    def _stored(self, name: str) -> bytes | None:
        try:
            return self.remote.read(name)
        except FileNotFoundError:
            return None

    def _line(self, path: Path) -> bytes:
        """Return the checksum file in the store. Raises FileNotFoundError, DamagedArtifact for a file without its checksum."""
        name = self.name_of(path)
        if (line := self._stored(name + SUFFIX)) is not None:
            return line
        if self.remote.size(name) is not None:
            raise self.damaged(path, UNCHECKED)
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(path))

    def _download(self, path: Path) -> None:
        """Replace the copy by the file of the store. Raises FileNotFoundError, DamagedArtifact."""
        for _ in range(ATTEMPTS):
            match = LINE.fullmatch(self._line(path).decode("ascii", "replace"))
            if match is None or match[2] != path.name:
                raise self.damaged(path, UNCHECKED)
            with suppress(_Different), atomic(path) as partial:
                size = self._receive(path, partial, match[1])
                self._write(path, match[1])
                self._use(path)
                self._grow(size)
                return
        raise self.damaged(path, CHANGED)

    def _receive(self, path: Path, partial: Path, checksum: str) -> int:
        """Download the file of ``path`` to ``partial`` and return its bytes. Raises FileNotFoundError, _Different."""
        try:
            self.remote.download(self.name_of(path), partial)
        except FileNotFoundError:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(path)) from None
        if digest(partial) != checksum:
            raise _Different
        return partial.stat().st_size

    def fetch_listed(self, path: Path, checksum: str, *, again: bool = False) -> None:
        """Have a copy of a file below LISTED whose SHA-256 its list states. The store is asked only where no copy has it.

        A copy that was compared and is unchanged is read only where ``again``. Raises FileNotFoundError, DamagedArtifact.
        """
        with comparing(path):
            if not (path.exists() and equal(path, checksum, again=again)):
                try:
                    with atomic(path) as partial:
                        size = self._receive(path, partial, checksum)
                except _Different:
                    raise self.damaged(path, CHANGED) from None
                self._grow(size)
            self._use(path)

    def publish_listed(self, folder: Path, name: str, last: str) -> None:
        """Upload the files of a frozen folder as the folder ``name`` of LISTED, the list ``last``, without which none is read."""
        files = (path for path in folder.rglob("*") if path.is_file())
        for path in sorted(files, key=lambda path: (path == folder / last, path)):
            self.remote.upload(path, f"{LISTED}/{name}/{path.relative_to(folder).as_posix()}")

    def _move(self, path: Path, folder: Path) -> None:
        """Move the copy, or the file of the store where there is none, to ``folder``, and remove the file from the store."""
        _compared.pop(path, None)
        super()._move(path, folder)
        if not (folder / path.name).exists():
            with suppress(FileNotFoundError):
                self.remote.download(self.name_of(path), folder / path.name)
        self.remote.remove(self.name_of(path))
        self.remote.remove(self.name_of(path) + SUFFIX)

    def folders(self, below: str) -> set[str]:
        """Return the names of the folders of the store in the folder ``below``."""
        parts = (name.split("/") for name in self.remote.names(f"{below}/"))
        return {part[1] for part in parts if len(part) > 2}

    def size(self, folder: Path) -> int:
        """Return the bytes of the store's files in ``folder``."""
        return sum(self.remote.size(self.name_of(folder / name)) or 0 for name in self.names(folder))

    def remove_all(self, folder: Path) -> None:
        """Remove the store's files in ``folder``, first the one that marks a run as finished."""
        for name in sorted(self.names(folder), key=lambda name: name != FINISHED):
            _compared.pop(folder / name, None)
            self.remote.remove(self.name_of(folder / name))

    def sweep(self, folder: Path, patterns: tuple[str, ...]) -> None:
        """Remove the files of the store in ``folder`` that match one of ``patterns``, and their checksums."""
        for name in self.names(folder) if patterns else ():
            if any(fnmatch(name.removesuffix(SUFFIX), pattern) for pattern in patterns):
                self.remote.remove(self.name_of(folder / name))

    def _use(self, path: Path) -> None:
        _compared[path] = time.monotonic()
        with suppress(FileNotFoundError):  # the time of access alone: that of modification tells whether a file was verified
            os.utime(path, ns=(time.time_ns(), path.stat().st_mtime_ns))

    def _grow(self, size: int) -> None:
        self._grown += size
        if self._grown > self.cache_bytes / 20:
            self._grown = 0
            with suppress(OSError, StoreUnreachable):
                self.shrink()

    def shrink(self) -> None:
        """Remove the copies that were not used for the longest time, down to the bound, if the store has them."""
        if math.isinf(self.cache_bytes):
            return
        rest = sum(path.stat().st_size for path in self.root.rglob("*") if path.is_file()) - self.cache_bytes
        used = sorted((path.stat().st_atime, path) for path in self._copies())
        for at, path in used:
            if rest <= 0 or time.time() - at < USED_SECONDS:
                return
            sizes = [file.stat().st_size for file in (path, sidecar(path)) if file.exists()]
            if path.exists() and self.remote.size(self.name_of(path)) == sizes[0]:
                rest -= sum(sizes)
                remove(path)

    def _copies(self) -> Iterator[Path]:
        """Yield the files that may be copies, but for weights of unfinished runs and partial files."""
        yield from (path for path in self.artifacts() if not fnmatch(path.name, BEST))
        for path in self.root.glob(f"{LISTED}/*/**/*"):
            if path.is_file() and not any(part.startswith(".") for part in path.relative_to(self.root).parts):
                yield path

    def _is_fresh(self, path: Path) -> bool:
        return time.monotonic() - _compared.get(path, -math.inf) < FRESH_SECONDS

    def name_of(self, path: Path) -> str:
        return path.relative_to(self.root).as_posix()


class _Different(Exception):
    """A downloaded file is not what its checksum says."""


def _content(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None
