"""Events of an ended run in Parquet files of its folder. A file is named after its content and never changed."""

import hashlib
import json
import os
from collections.abc import Collection, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from training.storage.artifacts import Store
from training.storage.checksums import CHANGED, MISSING, DamagedArtifact, sidecar
from training.storage.columns import table_of

PREFIX, DIGITS = "events-", 16
"""The begin of the name of such a file, and the hexadecimal digits of the SHA-256 of its content that follow."""

LEVEL = 12
"""Level of zstd: higher ones make the files of usual runs hardly smaller."""

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)

SCHEMA = pa.schema(
    [
        ("seq", pa.int64()),
        ("attempt", pa.int32()),
        ("kind", pa.string()),
        ("at", pa.timestamp("us", tz="UTC")),
        ("payload", pa.string()),  # JSON
    ]
)


class FiledEvent(NamedTuple):
    """An event as the database has it; ``payload`` is the JSON of a training.events.Event."""

    seq: int
    attempt: int
    at: datetime
    payload: dict[str, Any]


def is_event_file(name: str) -> bool:
    """Return whether a file of a run's folder has events."""
    return name.startswith(PREFIX)


def _path(store: Store, key: str, name: str) -> Path:
    return store.run(key) / f"{PREFIX}{name}.parquet"


def write(store: Store, key: str, events: Sequence[FiledEvent]) -> str:
    """Write the events, which are sorted by number, to a file of the run and return its name.

    The file survives a loss of power from then on. Raises OSError, StoreUnreachable.
    """
    content = _content_of(events)
    name = hashlib.sha256(content).hexdigest()[:DIGITS]
    path = _path(store, key, name)
    with store.writing(path) as partial:
        partial.write_bytes(content)
    for written in (path, sidecar(path), path.parent):
        descriptor = os.open(written, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    return name


def _content_of(events: Sequence[FiledEvent]) -> bytes:
    columns = [
        [event.seq for event in events],
        [event.attempt for event in events],
        [event.payload["kind"] for event in events],
        [(event.at - EPOCH) // MICROSECOND for event in events],
        [json.dumps(event.payload, separators=(",", ":")) for event in events],
    ]
    arrays = [pa.array(column, kind) for column, kind in zip(columns, SCHEMA.types, strict=True)]
    sink = pa.BufferOutputStream()
    pq.write_table(
        pa.Table.from_arrays(arrays, schema=SCHEMA),
        sink,
        compression="zstd",
        compression_level=LEVEL,
        use_dictionary=["attempt", "kind"],
        column_encoding={"seq": "DELTA_BINARY_PACKED", "at": "DELTA_BINARY_PACKED"},
        write_statistics=False,
        store_schema=False,
    )
    content: bytes = sink.getvalue().to_pybytes()
    return content


def read(
    store: Store,
    key: str,
    name: str,
    after: int = 0,
    last: int | None = None,
    kinds: Collection[str] = (),
    limit: int | None = None,
) -> list[FiledEvent]:
    """Return events of a file after the number ``after`` up to ``last``, of ``kinds`` where given, at most ``limit``.

    Raises DamagedArtifact, also for a file that is missing, StoreUnreachable, OSError.
    """
    table = table_of(_content(store, key, name))
    rows = enumerate(zip(table["seq"].to_pylist(), table["kind"].to_pylist(), strict=True))
    chosen = [
        place for place, (seq, kind) in rows if seq > after and (last is None or seq <= last) and (not kinds or kind in kinds)
    ]
    part = table.take(pa.array(chosen[:limit], pa.int64()))
    times = part["at"].cast(pa.int64()).to_pylist()
    columns = (part["seq"].to_pylist(), part["attempt"].to_pylist(), times, part["payload"].to_pylist())
    return [
        FiledEvent(seq, attempt, EPOCH + at * MICROSECOND, json.loads(payload))
        for seq, attempt, at, payload in zip(*columns, strict=True)
    ]


def _content(store: Store, key: str, name: str) -> bytes:
    """Return the content that the name says. A copy on this machine that has it is taken without asking the shared store."""
    path = _path(store, key, name)
    with suppress(OSError):
        if _is_named(content := path.read_bytes(), name):
            return content
    try:
        content = store.checksums.read(path)
    except FileNotFoundError:
        raise DamagedArtifact(key, path.name, MISSING) from None
    if not _is_named(content, name):
        raise DamagedArtifact(key, path.name, CHANGED)
    return content


def _is_named(content: bytes, name: str) -> bool:
    return hashlib.sha256(content).hexdigest().startswith(name)


def damage(store: Store, key: str, name: str) -> DamagedArtifact | None:
    """Return the damage of a file, None without any; unchanged files are read too. Raises StoreUnreachable."""
    path = _path(store, key, name)
    try:
        store.checksums.recheck(path)
    except FileNotFoundError:
        return DamagedArtifact(key, path.name, MISSING)
    except DamagedArtifact as error:
        return error
    return None


def quarantine(store: Store, key: str, name: str) -> None:
    """Move a damaged file aside, so that backups go on."""
    store.checksums.quarantine(_path(store, key, name))
