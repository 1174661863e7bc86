import pytest
from django.contrib.auth.models import User
from django.db import OperationalError

from training.events import MetricLogged
from webapp.experiments import queries, services
from webapp.jobs.recorder import Recorder

from ..cast import ending, launched


@pytest.fixture
def recorder(owner: User, broker: str) -> Recorder:
    run = launched(owner).runs.order_by("pk").first()
    assert run
    claimed = services.claim(run.pk, "w")
    assert claimed
    return Recorder(run.pk, claimed.attempt)


def metric(step: int) -> MetricLogged:
    return MetricLogged(step=step, loss=0.5, lr=1)


def test_fifty_events_are_due_at_once_and_fewer_wait_for_their_moment(recorder: Recorder) -> None:
    recorder.flush()
    recorder.add(metric(1))
    assert not recorder.due
    for step in range(2, 51):
        recorder.add(metric(step))
    assert recorder.due


def test_events_wait_in_order_while_the_database_is_away(recorder: Recorder, monkeypatch: pytest.MonkeyPatch) -> None:
    append = services.append_events

    def away(*_: object) -> set[int]:
        raise OperationalError("the database is locked")

    recorder.add(metric(1))
    monkeypatch.setattr(services, "append_events", away)
    recorder.flush()
    recorder.add(metric(2))
    monkeypatch.setattr(services, "append_events", append)
    recorder.finish(ending(0.5))
    told = [event for event in queries.events_after(recorder.run_id, 0) if event["kind"] in ("metric", "finished")]
    assert [event.get("step") for event in told] == [1, 2, None]
