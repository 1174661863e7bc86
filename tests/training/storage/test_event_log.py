"""Events of a run are stored over attempts, and an unfinished line is no event."""

from pathlib import Path

from training import Store
from training.events import Event, MetricLogged, RunStarted, RunStopped
from training.storage.archive import read_events
from training.storage.event_log import EventLog

KEY = "a" * 64


def logged(store: Store) -> list[tuple[int, int, str]]:
    return [(read_event.seq, read_event.attempt, read_event.event.kind) for read_event in read_events(store.root, KEY)]


def keep(store: Store, *events: Event) -> None:
    event_log = EventLog(store, KEY)
    for event in events:
        event_log.write(event)


def test_attempts_follow_each_other_without_gap(tmp_path: Path) -> None:
    store = Store(tmp_path)
    keep(store, RunStarted(total_steps=2, device="cpu", versions={}), RunStopped(step=1))
    keep(store, RunStarted(total_steps=2, device="cpu", versions={}, resumed_from=1))
    assert logged(store) == [
        (1, 1, "claimed"),
        (2, 1, "started"),
        (3, 1, "stopped"),
        (4, 2, "claimed"),
        (5, 2, "started"),
    ]


def test_a_line_that_a_killed_program_left_unfinished_is_dropped(tmp_path: Path) -> None:
    store = Store(tmp_path)
    keep(store, MetricLogged(step=1, loss=0.5, lr=0.1))
    path = store.run(KEY) / "events.jsonl"
    path.write_text(path.read_text() + '{"seq": 3, "att')
    keep(store)
    assert logged(store) == [(1, 1, "claimed"), (2, 1, "metric"), (3, 2, "claimed")]
