"""A real trainer under a worker whose database another process has locked."""

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.db import OperationalError, connection

from tests.databases import Sqlite
from tests.factories import claims
from tests.factories.experiments import launched
from tests.lab import quick
from training import ExperimentSpec
from training.events import RunQueued
from webapp.artifact_store import artifact_store
from webapp.experiments import queries, services
from webapp.experiments.models import Event, Run, Status
from webapp.jobs import following, tasks, trainer
from webapp.jobs.trainer import Trainer

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("called"),
]


@pytest.fixture
def impatient(settings: object) -> Iterator[None]:
    """Connections that wait for a lock for a moment only."""
    options = connection.settings_dict["OPTIONS"]
    before, options["timeout"] = options["timeout"], 0.2
    connection.close()
    yield
    options["timeout"] = before
    connection.close()


@pytest.fixture
def trainers(monkeypatch: pytest.MonkeyPatch) -> list[Trainer]:
    started: list[Trainer] = []

    class Seen(Trainer):
        def __init__(self, *events: object) -> None:
            super().__init__(*events)  # type: ignore[arg-type]
            started.append(self)

    monkeypatch.setattr(following, "Trainer", Seen)
    monkeypatch.setattr(trainer, "_servers", [])  # that of another test ends with the thread that started it
    return started


def until(true: Callable[[], object], seconds: float = 280) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def claimed(owner: User, epochs: int) -> Run:
    small = {"models": ["bag-of-words"], "epochs": epochs}
    spec = ExperimentSpec.model_validate(quick(weak=small, strong=small, data={}))
    launched(owner, **{name: value for name, value in spec.model_dump(mode="json").items() if name != "name"})
    run = claims.claim_next("worker@test")
    assert run
    return run


def follow(run: Run) -> threading.Thread:
    def work() -> None:
        tasks.work([run])
        connection.close()

    thread = threading.Thread(target=work)
    thread.start()
    return thread


def kinds(run: Run) -> list[str]:
    events = queries.events_after(run.pk, 0, 100_000)
    assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
    return [event["kind"] for event in events]


def alive(process: Trainer) -> bool:
    return process.pid is not None and Path(f"/proc/{process.pid}").exists()


@pytest.mark.embedded("locks the file of SQLite; tests/postgres stops its server")
def test_a_lock_that_is_held_for_longer_than_the_lease_has_the_run_given_back_from_a_checkpoint(
    owner: User, impatient: None, trainers: list[Trainer], settings: object
) -> None:
    settings.LEASE_SECONDS, settings.LEASE_RENEW_SECONDS = 8.0, 1.0  # type: ignore[attr-defined]
    run = claimed(owner, epochs=1000)
    thread = follow(run)
    until(lambda: Event.objects.filter(run=run, payload__kind="metric").exists())
    with Sqlite(Path(connection.settings_dict["NAME"])).locked():
        until(lambda: not alive(trainers[0]))
    thread.join(280)
    assert not thread.is_alive()
    events = kinds(run)
    assert events[-2:] == ["released", "queued"]
    assert events.count("lost") == 0
    assert events[-3] in ("checkpoint", "metric", "evaluation", "system")
    run.refresh_from_db()
    assert (run.status, run.losses) == (Status.QUEUED, 0)
    released = Event.objects.get(run=run, payload__kind="released")
    assert released.payload["cause"] == services.DATABASE_AWAY
    assert artifact_store().checkpoint(run.key).exists()


@pytest.mark.embedded("locks the file of SQLite; tests/postgres stops its server")
def test_a_lock_that_is_held_for_less_than_the_lease_costs_nothing(owner: User, impatient: None, trainers: list[Trainer]) -> None:
    run = claimed(owner, epochs=120)
    thread = follow(run)
    until(lambda: Event.objects.filter(run=run, payload__kind="metric").exists())
    waits = threading.Event()
    failed = services.append_together

    def seen(*arguments: object) -> set[int]:
        try:
            return failed(*arguments)  # type: ignore[arg-type]
        except OperationalError:
            waits.set()
            raise

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(services, "append_together", seen)
        with Sqlite(Path(connection.settings_dict["NAME"])).locked():
            assert waits.wait(60)
        thread.join(280)
    assert not thread.is_alive()
    events = kinds(run)
    assert (events.count("claimed"), events.count("released"), events.count("lost"), events[-1]) == (1, 0, 0, "finished")
    steps = [event["step"] for event in queries.events_after(run.pk, 0, 100_000) if event["kind"] == "metric"]
    assert steps == sorted(set(steps))


def test_a_claim_of_which_the_answer_was_lost_gives_the_run_back(owner: User, monkeypatch: pytest.MonkeyPatch) -> None:
    launched(owner)
    claim = services.claim_group

    def unanswered(worker: str) -> list[Run]:
        claim(worker)
        raise OperationalError("the connection was lost")

    monkeypatch.setattr(services, "claim_group", unanswered)
    tasks.train.apply()
    run = Run.objects.filter(attempt=1).get()
    assert (run.status, run.losses) == (Status.QUEUED, 0)


def test_a_run_that_cannot_be_followed_is_lost_at_once_and_says_why(owner: User, monkeypatch: pytest.MonkeyPatch) -> None:
    run = claimed(owner, epochs=1)

    def broken(*_: object) -> None:
        raise FileNotFoundError(2, "No such file or directory")

    monkeypatch.setattr(following, "Trainer", broken)
    tasks.work([run])
    lost = Event.objects.get(run=run, payload__kind="lost")
    assert lost.payload["cause"] == "it could not be followed: FileNotFoundError: [Errno 2] No such file or directory"
    assert Event.objects.filter(run=run).last().payload["kind"] == RunQueued().kind  # type: ignore[union-attr]
