"""One DuckDB for a web process, bounded in memory and threads, with files of tables and texts attached on demand."""

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache, partial
from pathlib import Path

import duckdb
from filelock import FileLock

from training import Store
from training.names import within
from training.storage.checksums import CHANGED, DamagedArtifact, digest
from webapp.example_queries.projection import build_plane
from webapp.example_queries.tables import About, build_table, build_texts

FORMAT = f"4-{duckdb.__version__}"
"""Part of every file's name: raise the number when the contents of the files change."""

ATTACHED = 64
STORED = 512
"""Files of each kind; the oldest are deleted first."""


@dataclass(frozen=True)
class Source:
    """Three finished runs on one split of a data set: ``dataset`` is its Parquet file, ``fingerprint`` that file's SHA-256.

    ``store`` has the runs. ``projected`` are the feature files that its map is computed from, empty where none is needed.
    """

    store: Store = field(compare=False)
    dataset: Path
    fingerprint: str
    keys: tuple[str, str, str]
    split: str
    projected: tuple[Path, ...] = field(default=(), compare=False)

    @property
    def table(self) -> str:
        return _name(self.fingerprint, self.split, *self.keys)

    @property
    def plane(self) -> str:
        return _name(*(path.name for path in self.projected))


def _name(*parts: str) -> str:
    return hashlib.sha256("\n".join((FORMAT, *parts)).encode()).hexdigest()[:24]


def quoted(path: Path) -> str:
    """Return a path as a string of SQL, for statements that take no parameters."""
    return "'" + str(path).replace("'", "''") + "'"


class Base:
    """Files under ``folder``, made on the first request from data that never changes."""

    def __init__(self, folder: Path, memory: str, threads: int) -> None:
        self.folder, self.memory, self.threads = folder, memory, threads
        # DuckDB must not fetch anything from the network.
        self._root = duckdb.connect(config={"memory_limit": memory, "threads": threads, "autoinstall_known_extensions": False})
        self._root.execute(f"SET temp_directory = {quoted(folder / 'spill')}")
        self._lock = threading.Lock()
        self._attached: OrderedDict[str, None] = OrderedDict()
        self._maker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="examples")
        self._making: dict[tuple[Source, bool], Future[None]] = {}

    def ready(self, source: Source, patience: float) -> bool:
        """Return whether all files exist within ``patience`` seconds; missing ones are made in any case.

        Raises as ``open`` does.
        """
        files = [("tables", source.table), ("texts", _name(source.fingerprint))]
        files += [("planes", source.plane)] if source.projected else []
        if all(self._path(kind, name).exists() for kind, name in files):
            return True
        wanted = source, bool(source.projected)
        with self._lock:
            making = self._making.get(wanted)
            if making is None:
                making = self._making[wanted] = self._maker.submit(self.make, source)
                making.add_done_callback(lambda _: self._making.pop(wanted, None))
        try:
            making.result(patience)
        except TimeoutError:
            return False
        return True

    @contextmanager
    def open(self, source: Source) -> Iterator[tuple[duckdb.DuckDBPyConnection, About]]:
        """Yield a connection on which ``examples`` and ``texts`` are those of ``source``, for a map also ``plane`` and ``frame``.

        Raises FileNotFoundError where a run has not finished or the data set is gone, ValueError where they do not match.
        """
        with self.texts(source.dataset, source.fingerprint) as cursor:
            table = self._attach(self.make_table(source))
            # Without this column a view hides the row's number, which finds the rows of a page directly.
            cursor.execute(f"CREATE TEMP VIEW examples AS SELECT rowid AS place, * FROM {table}.examples")  # nosec B608
            if source.projected:
                plane = self._attach(self.make_plane(source))
                cursor.execute(f"CREATE TEMP VIEW plane AS FROM {plane}.plane; CREATE TEMP VIEW frame AS FROM {plane}.frame")
            about = cursor.execute(f"SELECT told FROM {table}.about").fetchall()[0][0]  # nosec B608
            yield cursor, About.read(about)

    @contextmanager
    def texts(self, dataset: Path, fingerprint: str) -> Iterator[duckdb.DuckDBPyConnection]:
        """Yield a connection on which ``texts`` are those of the data set."""
        texts = self._attach(self.make_texts(dataset, fingerprint))
        with self._root.cursor() as cursor:
            cursor.execute(f"CREATE TEMP VIEW texts AS FROM {texts}.texts")
            yield cursor

    def make_texts(self, dataset: Path, fingerprint: str) -> Path:
        """Return the file of the texts, made if it does not exist. Raises DamagedArtifact for another data set than this one."""

        def build(target: Path, memory: str, threads: int) -> None:
            if digest(dataset) != fingerprint:
                raise DamagedArtifact("", f"The data set {fingerprint[:12]}", CHANGED)
            build_texts(dataset, target, memory, threads)

        return self._make("texts", _name(fingerprint), build)

    def make_table(self, source: Source) -> Path:
        """Return the file of the table, made with that of its texts if they do not exist."""
        texts = self.make_texts(source.dataset, source.fingerprint)
        return self._make("tables", source.table, partial(build_table, source.store, source.keys, source.split, texts))

    def make_plane(self, source: Source) -> Path:
        """Return the file of the map, made if it does not exist."""
        return self._make("planes", source.plane, partial(build_plane, source.projected, source.dataset))

    def make(self, source: Source) -> None:
        """Make all files of ``source``, with that of its map if it has one."""
        self.make_table(source)
        if source.projected:
            self.make_plane(source)

    def _path(self, kind: str, name: str) -> Path:
        return within(self.folder / kind, name, ".duckdb")

    def _make(self, kind: str, name: str, build: Callable[[Path, str, int], None]) -> Path:
        """Return the file. One of the threads and processes that need it makes it, and the others wait."""
        path = self._path(kind, name)
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            with FileLock(path.with_suffix(".lock")):
                if not path.exists():
                    build(path, self.memory, self.threads)
                    self._sweep(path.parent)
        return path

    def _attach(self, path: Path) -> str:
        alias = f"{path.parent.name}_{path.stem}"
        with self._lock:
            if alias in self._attached:
                self._attached.move_to_end(alias)
                return alias
            self._root.execute(f"ATTACH {quoted(path)} AS {alias} (READ_ONLY)")
            self._attached[alias] = None
            if len(self._attached) > ATTACHED:
                oldest, _ = self._attached.popitem(last=False)
                self._root.execute(f"DETACH {oldest}")
        return alias

    @staticmethod
    def _sweep(folder: Path) -> None:
        """Delete the oldest files; they are made again on demand."""
        known = sorted(folder.glob("*.duckdb"), key=lambda path: path.stat().st_mtime)
        for path in known[:-STORED]:
            path.unlink(missing_ok=True)
            path.with_suffix(".lock").unlink(missing_ok=True)


@cache
def base(folder: Path, memory: str, threads: int) -> Base:
    """Return the database of this process with these settings."""
    return Base(folder, memory, threads)
