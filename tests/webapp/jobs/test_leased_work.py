"""A worker's lease on its own clock, while the database is away and when it is back."""

import threading
import time
from types import SimpleNamespace

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.db import InterfaceError, OperationalError

from tests.factories import claims
from tests.factories.experiments import launched
from webapp.experiments import services
from webapp.experiments.models import Run, Status
from webapp.jobs import leased_work as module
from webapp.jobs.leased_work import HeldLease, RunLeases
from webapp.leases import StaleAttempt

AWAY = [OperationalError("the database is locked"), InterfaceError("connection already closed")]


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=clock.monotonic))
    return clock


@pytest.fixture
def run(owner: User, called: list[str]) -> Run:
    launched(owner)
    run = claims.claim_next("worker@test")
    assert run
    return run


@pytest.mark.parametrize("error", AWAY)
def test_a_database_that_is_away_is_borne_until_shortly_before_the_lease_ends(
    run: Run, clock: Clock, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    lease = RunLeases([run], clock.now)
    assert lease.check({run.pk: run.attempt}) == {run.pk: Status.RUNNING}

    def away(*_: object) -> dict[int, str]:
        raise error

    monkeypatch.setattr(services, "renew_together", away)
    clock.now += settings.LEASE_SECONDS - 6
    assert (lease.check({run.pk: run.attempt}), lease.expired) == ({run.pk: Status.RUNNING}, False)
    clock.now += 3
    assert (lease.check({run.pk: run.attempt}), lease.expired) == ({run.pk: Status.RUNNING}, True)
    monkeypatch.undo()
    assert lease.check({run.pk: run.attempt}) == {run.pk: Status.RUNNING}
    assert lease.expired, "the trainer was asked to stop"


def test_a_lease_that_is_renewed_after_the_database_was_away_begins_anew(
    run: Run, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    lease = RunLeases([run], clock.now)
    renew, answers = services.renew_together, iter([AWAY[0]])

    def away_once(attempts: dict[int, int]) -> dict[int, str]:
        if error := next(answers, None):
            raise error
        return renew(attempts)

    monkeypatch.setattr(services, "renew_together", away_once)
    clock.now += settings.LEASE_SECONDS / 2
    assert lease.check({run.pk: run.attempt}) == {run.pk: Status.RUNNING}
    assert lease.check({run.pk: run.attempt}) == {run.pk: Status.RUNNING}, "it is renewed at once when the database is back"
    clock.now += settings.LEASE_SECONDS - 6
    assert not lease.check_time()


def test_an_error_that_is_not_of_a_database_that_is_away_is_no_reason_to_wait(
    run: Run, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> dict[int, str]:
        raise KeyError("status")

    monkeypatch.setattr(services, "renew_together", broken)
    with pytest.raises(KeyError):
        RunLeases([run], clock.now).check({run.pk: run.attempt})


def test_a_lease_that_another_attempt_has_is_lost(run: Run, clock: Clock) -> None:
    lease = RunLeases([run], clock.now)
    Run.objects.filter(pk=run.pk).update(attempt=run.attempt + 1)
    with pytest.raises(StaleAttempt):
        lease.check({run.pk: run.attempt})


def test_work_is_stopped_when_the_lease_runs_out_although_a_query_hangs(clock: Clock) -> None:
    stopped = threading.Event()
    held = HeldLease("a run", clock.now, 5)
    with held.enforced(stopped.set):
        clock.now += settings.LEASE_SECONDS
        assert stopped.wait(30)
    assert held.expired


def test_a_lease_is_renewed_while_a_file_is_transferred() -> None:
    renewed = threading.Event()
    lease = HeldLease("import 1", time.monotonic())
    assert module.meanwhile(lambda: renewed.wait(30), lease, lambda _: renewed.set())


def test_the_error_of_a_transfer_is_raised() -> None:
    def transfer() -> None:
        raise TimeoutError("too slow")

    with pytest.raises(TimeoutError, match="too slow"):
        module.meanwhile(transfer, HeldLease("import 1", time.monotonic()), lambda _: None)
