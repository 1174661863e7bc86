"""One DuckDB for a web process, bounded in memory and threads, with the files of tables and texts attached as they are needed."""

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import duckdb

from training import Store
from webapp.examples.building import About, build_table, build_texts
from webapp.examples.projection import build_plane

FORMAT = f"1-{duckdb.__version__}"
"""Part of every file's name: raise the number when what the files hold changes."""

ATTACHED = 64
KEPT = 512


@dataclass(frozen=True)
class Source:
    """Three finished runs on one split of a data set: ``dataset`` is its Parquet file, ``fingerprint`` that file's SHA-256.

    ``projected`` are the files of features that its map is made from, empty where none is needed.
    """

    dataset: Path
    fingerprint: str
    keys: tuple[str, str, str]
    split: str
    projected: tuple[Path, ...] = ()

    @property
    def texts(self) -> str:
        return _name(self.fingerprint)

    @property
    def table(self) -> str:
        return _name(self.fingerprint, self.split, *self.keys)

    @property
    def plane(self) -> str:
        return _name(*(path.name for path in self.projected))


def _name(*parts: str) -> str:
    return hashlib.sha256("\n".join((FORMAT, *parts)).encode()).hexdigest()[:24]


class Base:
    """Files under ``folder``, made from ``store`` when they are first asked for; what they are made from never changes."""

    def __init__(self, store: Store, folder: Path, memory: str, threads: int) -> None:
        self.store, self.folder, self.memory, self.threads = store, folder, memory, threads
        # What DuckDB could fetch by itself from the network it may not.
        self._root = duckdb.connect(config={"memory_limit": memory, "threads": threads, "autoinstall_known_extensions": False})
        self._root.execute(f"SET temp_directory = '{folder / 'spill'}'")
        self._lock = threading.Lock()
        self._attached: OrderedDict[str, None] = OrderedDict()

    @contextmanager
    def open(self, source: Source) -> Iterator[tuple[duckdb.DuckDBPyConnection, About]]:
        """A connection on which ``examples`` and ``texts`` are those of ``source``, with its map also ``plane`` and ``frame``.

        Raises FileNotFoundError where a run has not finished or the data set is gone, ValueError where they do not fit together.
        """
        with self._lock:
            texts = self._attach("texts", source.texts, lambda path: build_texts(source.dataset, path, self.memory, self.threads))
            table = self._attach(
                "tables",
                source.table,
                lambda path: build_table(
                    self.store,
                    source.keys,
                    source.split,
                    self._path("texts", source.texts),
                    path,
                    self.memory,
                    self.threads,
                ),
            )
            plane = self._attach("planes", source.plane, lambda path: self._build_plane(source, path)) if source.projected else ""
            cursor = self._root.cursor()
        try:
            cursor.execute(f"CREATE TEMP VIEW examples AS FROM {table}.examples; CREATE TEMP VIEW texts AS FROM {texts}.texts")
            if plane:
                cursor.execute(f"CREATE TEMP VIEW plane AS FROM {plane}.plane; CREATE TEMP VIEW frame AS FROM {plane}.frame")
            told = cursor.execute(f"SELECT told FROM {table}.about").fetchall()[0][0]
            yield cursor, About.read(told)
        finally:
            cursor.close()

    def _build_plane(self, source: Source, path: Path) -> None:
        build_plane(source.projected, source.dataset, path, self.memory, self.threads)

    def _path(self, kind: str, name: str) -> Path:
        return self.folder / kind / f"{name}.duckdb"

    def _attach(self, kind: str, name: str, build: Callable[[Path], None]) -> str:
        alias, path = f"{kind}_{name}", self._path(kind, name)
        if alias in self._attached:
            self._attached.move_to_end(alias)
            return alias
        if not path.exists():
            build(path)
            self._sweep(path.parent)
        self._root.execute(f"ATTACH '{path}' AS {alias} (READ_ONLY)")
        self._attached[alias] = None
        if len(self._attached) > ATTACHED:
            oldest, _ = self._attached.popitem(last=False)
            self._root.execute(f"DETACH {oldest}")
        return alias

    @staticmethod
    def _sweep(folder: Path) -> None:
        """The files that were made first go; they are made again if somebody asks."""
        known = sorted(folder.glob("*.duckdb"), key=lambda path: path.stat().st_mtime)
        for path in known[:-KEPT]:
            path.unlink(missing_ok=True)


@cache
def base(artifacts: Path, folder: Path, memory: str, threads: int) -> Base:
    """The one of this process with these settings."""
    return Base(Store(artifacts), folder, memory, threads)
