"""Events of ended runs are moved from the table into files: every reader sees the same, and nothing is lost or doubled."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from tests.factories import claims
from tests.factories.compacted import READERS, compact_all, every_event, rows_left, said, train, trained
from tests.factories.experiments import launched
from tests.factories.histories import History
from training.events import RunFailed
from training.storage import event_files
from training.storage.checksums import DamagedArtifact
from training.storage.remote import StoreUnreachable
from webapp.artifact_store import artifact_store
from webapp.experiments import compaction, damage, gauges, lifecycle, services, stored_events, unused_runs
from webapp.experiments.models import ACTIVE, Event, Experiment, Run

pytestmark = pytest.mark.django_db


@pytest.fixture
def experiment(owner: User) -> Experiment:
    return trained(owner)


@pytest.fixture
def run(experiment: Experiment) -> Run:
    return experiment.parts.filter(role="student")[0].run


def files(run: Run) -> list[str]:
    return sorted(path.name for path in artifact_store().run(run.key).glob("events-*.parquet"))


@pytest.mark.parametrize("reader", READERS)
def test_every_reader_sees_the_same_before_and_after(experiment: Experiment, tmp_path: Path, reader: str) -> None:
    before = READERS[reader](experiment, tmp_path / "before")
    assert compact_all(experiment) == 3 * 49
    assert READERS[reader](experiment, tmp_path / "after") == before


def test_the_table_keeps_what_happened_to_a_run_and_its_newest_metric_and_evaluation(run: Run) -> None:
    compaction.compact(run.pk)
    checkpoints = ["checkpoint"] * 3
    assert rows_left(run.pk) == [
        "queued",
        "claimed",
        "started",
        *checkpoints,
        "metric",
        "evaluation",
        "checkpoint",
        "finished",
    ]
    assert len(files(run)) == 1


def test_a_second_move_has_nothing_to_do(run: Run) -> None:
    assert compaction.compact(run.pk) == 49
    assert compaction.compact(run.pk) == 0
    assert not compaction.due(0).filter(pk=run.pk).exists()


def test_a_move_that_is_broken_off_before_its_transaction_changes_nothing_and_is_done_by_the_next(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = every_event(run.pk)

    def killed(*_: object) -> bool:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(compaction, "_replace", killed)
        with pytest.raises(KeyboardInterrupt):
            compaction.compact(run.pk)
    assert len(files(run)) == 1
    assert every_event(run.pk) == before
    assert Event.objects.filter(run=run.pk).count() == len(before)
    assert compaction.compact(run.pk) == 49
    assert every_event(run.pk) == before
    assert len(files(run)) == 1, "the file that was left has the same content, and so the same name"


def between(monkeypatch: pytest.MonkeyPatch, then: Callable[[], object]) -> None:
    """Have ``then`` happen once, after a file was written and before its transaction."""
    write, once = compaction._written, [then]

    def written(key: str, rows: list[Event]) -> str:
        name = write(key, rows)
        if once:
            once.pop()()
        return name

    monkeypatch.setattr(compaction, "_written", written)


def test_of_two_passes_at_once_one_moves_the_events(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    before, moved = every_event(run.pk), list[int]()
    between(monkeypatch, lambda: moved.append(compaction.compact(run.pk)))
    assert compaction.compact(run.pk) == 0
    assert moved == [49]
    assert every_event(run.pk) == before
    run.refresh_from_db()
    assert len(run.event_files) == 1


def test_a_pass_that_reads_the_rows_after_another_one_deleted_them_moves_nothing(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, rows, once = every_event(run.pk), compaction._rows, [True]

    def late(run_id: int) -> Any:
        if once:
            once.clear()
            compaction.compact(run_id)
        return rows(run_id)

    monkeypatch.setattr(compaction, "_rows", late)
    assert compaction.compact(run.pk) == 0
    assert every_event(run.pk) == before


def test_the_events_of_a_run_that_is_queued_meanwhile_stay(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    count = Event.objects.filter(run=run.pk).count()
    between(monkeypatch, lambda: damage._train_again(run.pk, run.last_seq, DamagedArtifact(run.key, "predictions.parquet", "no")))
    run.refresh_from_db()
    assert compaction.compact(run.pk) == 0
    assert Event.objects.filter(run=run.pk).count() == count + 2  # damaged, queued


def test_a_run_that_is_trained_again_goes_on_with_its_numbers_and_has_a_second_file(run: Run) -> None:
    compaction.compact(run.pk)
    run.refresh_from_db()
    damage._train_again(run.pk, run.last_seq, DamagedArtifact(run.key, "predictions.parquet", "is missing"))
    train(run)
    before = every_event(run.pk)
    assert [event["seq"] for event in before] == list(range(1, len(before) + 1))
    assert [event["kind"] for event in before].count("metric") == 80
    run.refresh_from_db()
    assert not run.compacted
    assert compaction.compact(run.pk) == 49
    assert every_event(run.pk) == before
    run.refresh_from_db()
    assert len(run.event_files) == len(files(run)) == 2
    assert rows_left(run.pk).count("metric") == 1
    assert services.recorded(run.pk, 1) == services.recorded(run.pk, 2) == 55


def test_runs_at_work_are_left_alone(owner: User) -> None:
    experiment = launched(owner)
    claimed = claims.claim_next("worker@test")
    assert claimed
    claims.append_events(claimed.pk, claimed.attempt, said())
    assert not compaction.due(0).exists()
    assert compact_all(experiment) == 0
    claims.append_events(claimed.pk, claimed.attempt, [RunFailed(error="no")])
    assert compaction.compact(claimed.pk) == 49


def test_a_run_with_very_many_events_has_several_files(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compaction, "MOST_EVENTS", 10)
    before = every_event(run.pk)
    assert compaction.compact(run.pk) == 49
    run.refresh_from_db()
    assert len(run.event_files) == 5
    assert every_event(run.pk) == before
    assert [event["seq"] for event in before] == [event.seq for event in stored_events.each(run.pk)]


def test_random_histories_keep_their_events(owner: User) -> None:
    for seed in range(2):
        history = History(owner, seed)
        for _ in range(3):
            history.go(12)
            before = {pk: every_event(pk) for pk in Run.objects.values_list("pk", flat=True)}
            for pk in before:
                compaction.compact(pk)
            assert {pk: every_event(pk) for pk in before} == before
    assert all([event["seq"] for event in events] == list(range(1, len(events) + 1)) for events in before.values())
    assert Run.objects.filter(compacted=True).exists()
    assert not Run.objects.filter(compacted=True, status__in=ACTIVE).exists()


def test_nothing_is_deleted_where_the_file_cannot_be_written(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    before = Event.objects.filter(run=run.pk).count()

    def refuse(*_: object) -> str:
        raise StoreUnreachable("The store cannot be reached.")

    with monkeypatch.context() as patch:
        patch.setattr(event_files, "write", refuse)
        assert compaction.compact_some(0) == 0
    assert Event.objects.filter(run=run.pk).count() == before
    assert compaction.compact_some(0) == 0, "they are left alone for some time"
    compaction._compacting.forget()
    assert compaction.compact_some(0) == 3 * 49


def test_nothing_is_deleted_where_the_file_gives_back_something_else(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(event_files, "read", lambda *_: [])
    with pytest.raises(OSError, match="not what was written"):
        compaction.compact(run.pk)
    assert Event.objects.filter(run=run.pk).count() == run.last_seq


def test_a_disk_without_room_is_left_as_it_is(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "DISK_RESERVE", 2**62)
    assert "no room" in compaction.hindrance()
    assert compaction.compact_some(0) == 0


def test_runs_are_due_some_days_after_their_end_and_never_by_default(run: Run) -> None:
    Run.objects.filter(pk=run.pk).update(ended_at=timezone.now() - timedelta(days=10))
    assert list(compaction.due(9)) == [run]
    assert not compaction.due(11).exists()
    assert not compaction.due(settings.EVENTS_DAYS).exists()


def test_a_pass_takes_a_few_runs_and_one_that_fails_keeps_no_other(
    experiment: Experiment, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compaction, "RUNS_OF_A_PASS", 1)
    first = experiment.runs.order_by("ended_at").first()
    assert first
    write = event_files.write

    def fail_first(store: Any, key: str, events: Any) -> str:
        if key == first.key:
            raise OSError("no")
        return write(store, key, events)

    monkeypatch.setattr(event_files, "write", fail_first)
    assert [compaction.compact_some(0) for _ in range(3)] == [49, 49, 0]
    assert list(compaction.due(0)) == [first]


@pytest.mark.embedded("reads a plan of SQLite")
def test_runs_that_are_due_are_found_by_their_index(run: Run) -> None:
    with CaptureQueriesContext(connection) as captured:
        assert compaction.due(0).exists()
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN QUERY PLAN {captured[0]['sql']}")
        plan = " ".join(str(row[-1]) for row in cursor.fetchall())
    assert "USING INDEX run_to_compact (ended_at<?)" in plan or "USING COVERING INDEX run_to_compact (ended_at<?)" in plan


def test_the_number_of_events_ever_recorded_does_not_fall(experiment: Experiment) -> None:
    before = gauges.read().events
    compact_all(experiment)
    assert gauges.read().events == before


def test_unused_runs_are_deleted_with_their_files(experiment: Experiment, run: Run) -> None:
    compact_all(experiment)
    assert files(run)
    lifecycle.delete(experiment)
    assert len(list(unused_runs.collect(unused_runs.unused()))) == 3
    assert files(run) == []
    assert not artifact_store().root.joinpath("runs", run.key).exists()
