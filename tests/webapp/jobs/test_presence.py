"""A worker stays in the database for as long as it lives, even if the database was away or lost it."""

import threading
from typing import Any

import pytest
from django.db import OperationalError, connection

from webapp.experiments import workers
from webapp.experiments.models import Worker
from webapp.jobs import presence

NAME = "worker0@gpu"


@pytest.fixture(autouse=True)
def open_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    """The thread of a worker closes its connection, and here that is the test's."""
    monkeypatch.setattr(connection, "close", lambda: None)
    monkeypatch.setattr(presence, "close_old_connections", lambda: None)


def live(monkeypatch: pytest.MonkeyPatch, *between: object) -> None:
    """Run a worker: before each heartbeat one function of ``between`` is called, and after the last the worker ends."""
    happens = iter(between)

    class Ended(threading.Event):
        def wait(self, timeout: float | None = None) -> bool:
            what = next(happens, None)
            if callable(what):
                what()
            return what is None

    monkeypatch.setattr(presence, "ended", Ended())
    presence.stay(NAME)


def test_a_worker_that_the_record_has_lost_registers_again(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    live(monkeypatch, lambda: Worker.objects.all().delete())
    assert [worker.name for worker in workers.online()] == [NAME]


def test_a_worker_that_the_record_knows_registers_once(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    register, met = workers.register, list[object]()

    def recorded(*arguments: Any) -> None:
        met.append(arguments[0])
        register(*arguments)

    monkeypatch.setattr(workers, "register", recorded)
    live(monkeypatch, lambda: None, lambda: None)
    assert met == [NAME]


def test_a_record_that_was_away_for_a_beat_still_knows_the_worker(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    beat, attempts = workers.beat, iter([OperationalError("away")])

    def recorded(*arguments: Any) -> bool:
        if error := next(attempts, None):
            raise error
        return beat(*arguments)

    monkeypatch.setattr(workers, "beat", recorded)
    first = list[Worker]()
    live(monkeypatch, lambda: first.append(Worker.objects.get()), lambda: None)
    assert Worker.objects.get().started_at == first[0].started_at


def test_a_record_that_was_away_at_the_start_learns_of_the_worker_later(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    register, attempts = workers.register, iter([OperationalError("away")])

    def recorded(*arguments: Any) -> None:
        if error := next(attempts, None):
            raise error
        register(*arguments)

    monkeypatch.setattr(workers, "register", recorded)
    live(monkeypatch, lambda: None)
    assert [worker.name for worker in workers.online()] == [NAME]
