"""Files of events give back what was stored, exactly, and are named by their content."""

import math
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from training.storage import event_files
from training.storage.artifacts import Store
from training.storage.checksums import CHANGED, MISSING, DamagedArtifact, sidecar
from training.storage.event_files import FiledEvent
from training.storage.remote import Remote, StoreUnreachable

KEY = "k" * 64
AT = datetime(2026, 11, 30, 23, 59, 59, 999_999, tzinfo=UTC)
EVENTS = [
    FiledEvent(2, 1, AT, {"kind": "metric", "step": 1, "loss": 0.1 + 0.2, "lr": 5e-324, "least": -1.7976931348623157e308}),
    FiledEvent(3, 1, AT + timedelta(microseconds=1), {"kind": "metric", "loss": None, "nonfinite": "nan", "big": 2**70}),
    FiledEvent(
        7, 2, datetime(1969, 1, 1, tzinfo=UTC), {"kind": "progress", "phase": "Größe \u2028 \ud800 \0", "b": 1, "a": [{}]}
    ),
    FiledEvent(9, 2, AT, {"kind": "evaluation", "accuracy": math.nextafter(0.7, 1)}),
]


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path)


def path(store: Store, name: str) -> Path:
    return store.run(KEY) / f"events-{name}.parquet"


def test_what_is_read_is_what_was_written_with_its_order_of_fields(store: Store) -> None:
    read = event_files.read(store, KEY, event_files.write(store, KEY, EVENTS))
    assert read == EVENTS
    assert [list(event.payload) for event in read] == [list(event.payload) for event in EVENTS]
    assert [event.at.isoformat() for event in read] == [event.at.isoformat() for event in EVENTS]


def test_events_are_chosen_by_number_and_kind(store: Store) -> None:
    name = event_files.write(store, KEY, EVENTS)
    assert event_files.read(store, KEY, name, after=2, last=7) == EVENTS[1:3]
    assert event_files.read(store, KEY, name, kinds=("metric", "evaluation")) == [EVENTS[0], EVENTS[1], EVENTS[3]]
    assert event_files.read(store, KEY, name, kinds=("metric", "evaluation"), after=2, limit=1) == EVENTS[1:2]
    assert event_files.read(store, KEY, name, after=9) == []


def test_equal_events_are_one_file_and_other_events_another(store: Store) -> None:
    name = event_files.write(store, KEY, EVENTS)
    assert event_files.write(store, KEY, EVENTS) == name
    other = event_files.write(store, KEY, EVENTS[:3])
    assert other != name
    assert event_files.read(store, KEY, name) == EVENTS


def test_a_damaged_or_missing_file_is_told_from_others(store: Store) -> None:
    name = event_files.write(store, KEY, EVENTS)
    assert event_files.damage(store, KEY, name) is None
    path(store, name).write_bytes(path(store, name).read_bytes()[:-9])
    with pytest.raises(DamagedArtifact, match=CHANGED):
        event_files.read(store, KEY, name)
    assert str(event_files.damage(store, KEY, name)) == f"events-{name}.parquet of run {KEY[:12]} {CHANGED}."
    event_files.quarantine(store, KEY, name)
    with pytest.raises(DamagedArtifact, match=MISSING):
        event_files.read(store, KEY, name)
    assert event_files.damage(store, KEY, name)


def test_a_file_that_was_replaced_with_its_checksum_is_damaged(store: Store) -> None:
    name, other = event_files.write(store, KEY, EVENTS), event_files.write(store, KEY, EVENTS[:3])
    path(store, name).write_bytes(path(store, other).read_bytes())
    line = sidecar(path(store, other)).read_text().replace(other, name)
    sidecar(path(store, name)).write_text(line)
    with pytest.raises(DamagedArtifact, match=CHANGED):
        event_files.read(store, KEY, name)


def test_another_machine_reads_a_file_of_the_shared_store_and_its_copy_while_the_store_is_away(
    first: Store, second: Store, shared: Path
) -> None:
    name = event_files.write(first, KEY, EVENTS)
    assert event_files.read(second, KEY, name) == EVENTS
    shared.rename(shared.with_name("away"))
    assert event_files.read(second, KEY, name) == EVENTS
    path(second, name).unlink()
    with pytest.raises(StoreUnreachable):
        event_files.read(second, KEY, name)


def test_a_damaged_copy_is_replaced_by_the_file_of_the_store(first: Store, second: Store, remote: Remote) -> None:
    name = event_files.write(first, KEY, EVENTS)
    event_files.read(second, KEY, name)
    path(second, name).write_bytes(b"nonsense")
    assert event_files.read(second, KEY, name) == EVENTS
    assert remote.size(f"runs/{KEY}/events-{name}.parquet")
