"""Events are stored once and in order, also when the database is away meanwhile."""

from types import SimpleNamespace
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import InterfaceError, OperationalError

from tests.factories import claims
from tests.factories.experiments import ending, launched
from training import Event
from training.events import MetricLogged, StopRequested, SystemSampled
from webapp.actions import record
from webapp.experiments import bulk, queries, services
from webapp.experiments.changes import changing
from webapp.experiments.models import Event as StoredEvent
from webapp.experiments.models import Run
from webapp.jobs import recorder as module
from webapp.jobs.recorder import Recorder

AWAY = [OperationalError("the database is locked"), InterfaceError("connection already closed")]


@pytest.fixture
def recorder(owner: User, broker: str) -> Recorder:
    run = launched(owner).runs.order_by("pk").first()
    assert run
    claimed = claims.claim(run.pk, "w")
    assert claimed
    return Recorder({run.pk: claimed.attempt})


def run_of(recorder: Recorder) -> int:
    (run,) = recorder.attempts
    return run


def add(recorder: Recorder, event: Event) -> None:
    recorder.add(run_of(recorder), event)


def finish(recorder: Recorder, last: Event) -> None:
    add(recorder, last)
    recorder.finish()


def metric(step: int) -> MetricLogged:
    return MetricLogged(step=step, loss=0.5, lr=1)


def stored_steps(recorder: Recorder) -> list[int | None]:
    """The steps of the stored events, None for the last."""
    events = queries.events_after(run_of(recorder), 0)
    assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
    return [event.get("step") for event in events if event["kind"] in ("metric", "finished")]


def test_a_thousand_events_are_due_at_once_and_fewer_wait_for_their_moment(recorder: Recorder) -> None:
    recorder.flush()
    add(recorder, metric(1))
    assert not recorder.due
    for step in range(2, 1001):
        add(recorder, metric(step))
    assert recorder.due


def test_a_database_that_is_slow_gets_the_events_of_meanwhile_in_one_batch(
    recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    now, write = [1000.0], services.append_together
    monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=lambda: now[0]))

    def slow_write(*arguments: Any) -> set[int]:
        now[0] += 3 * record.DatabaseRecord.batch_seconds
        return write(*arguments)

    monkeypatch.setattr(services, "append_together", slow_write)
    add(recorder, metric(1))
    recorder.flush()
    add(recorder, metric(2))
    assert not recorder.due
    now[0] += record.DatabaseRecord.batch_seconds
    assert recorder.due


@pytest.mark.parametrize("error", AWAY)
def test_events_wait_in_order_while_the_database_is_away(
    recorder: Recorder, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    append = services.append_together

    def away(*_: object) -> set[int]:
        raise error

    add(recorder, metric(1))
    monkeypatch.setattr(services, "append_together", away)
    recorder.flush()
    add(recorder, metric(2))
    monkeypatch.setattr(services, "append_together", append)
    finish(recorder, ending(0.5))
    assert stored_steps(recorder) == [1, 2, None]


@pytest.mark.parametrize("error", AWAY)
@pytest.mark.parametrize("times", [1, 2])
def test_events_of_which_the_commit_was_not_answered_are_not_stored_again(
    recorder: Recorder, monkeypatch: pytest.MonkeyPatch, error: Exception, times: int
) -> None:
    append, left = services.append_together, [error] * times

    def unanswered(*arguments: object) -> set[int]:
        changed = append(*arguments)  # type: ignore[arg-type]
        if left:
            raise left.pop()
        return changed

    monkeypatch.setattr(services, "append_together", unanswered)
    add(recorder, metric(1))
    add(recorder, SystemSampled(step=1, cores=1, memory=1))
    recorder.flush()
    with changing():
        (run,) = bulk.lock(Run.objects.filter(pk=run_of(recorder)))
        bulk.append([(run, [StopRequested(by="somebody else, who tells of the run too")])])
    Run.objects.filter(pk=run_of(recorder)).update(status="running")
    add(recorder, metric(2))
    recorder.flush()
    add(recorder, metric(3))
    finish(recorder, ending(0.5))
    assert stored_steps(recorder) == [1, 2, 3, None]
    assert StoredEvent.objects.filter(run=run_of(recorder), payload__kind="system").count() == 1


def test_the_last_word_of_which_the_commit_was_not_answered_ends_the_attempt(
    recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    append, left = services.append_together, [AWAY[0]]

    def unanswered(*arguments: object) -> set[int]:
        changed = append(*arguments)  # type: ignore[arg-type]
        if left:
            raise left.pop()
        return changed

    monkeypatch.setattr(module, "RETRY_SECONDS", 0)
    monkeypatch.setattr(services, "append_together", unanswered)
    finish(recorder, ending(0.5))
    assert stored_steps(recorder) == [None]
    assert StoredEvent.objects.filter(run=run_of(recorder), payload__kind="finished").count() == 1


def test_a_database_that_goes_away_while_workers_are_called_doubles_nothing(
    recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(changed: set[int]) -> bool:
        raise AWAY[0]

    monkeypatch.setattr(record, "notify", away)
    add(recorder, metric(1))
    recorder.flush()
    monkeypatch.undo()
    finish(recorder, ending(0.5))
    assert stored_steps(recorder) == [1, None]


def test_no_more_than_so_many_events_wait_for_the_database(recorder: Recorder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_EVENTS", 3)
    full = []
    for step in (1, 2, 3):
        add(recorder, metric(step))
        full.append(recorder.full)
    assert full == [False, False, True]
    recorder.flush()
    assert not recorder.full


def test_events_of_an_attempt_that_lost_its_lease_are_refused(recorder: Recorder) -> None:
    add(recorder, metric(1))
    Run.objects.filter(pk=run_of(recorder)).update(attempt=7)
    recorder.finish()
    assert stored_steps(recorder) == []
