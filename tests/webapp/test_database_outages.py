"""The recovery after an outage of the database: no worker is considered dead at once, and no attempt counts."""

from datetime import timedelta
from types import SimpleNamespace

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.db import InterfaceError, OperationalError
from django.utils import timezone

from tests.factories import claims
from tests.factories.experiments import launched
from webapp import database_outages
from webapp.attributions import services as attributions
from webapp.attributions.models import Question
from webapp.attributions.models import State as QuestionState
from webapp.database_outages import Outage, Watch, patiently
from webapp.experiments import services
from webapp.experiments.models import Event, Run, Status
from webapp.imports import services as imports
from webapp.imports.models import Import, State

pytestmark = pytest.mark.usefixtures("called")
PAUSE = 2.0


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0
        self.slept = 0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept += 1


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(database_outages, "time", SimpleNamespace(monotonic=clock.monotonic, sleep=clock.sleep))
    return clock


def is_quiet(watch: Watch) -> bool:
    return watch.quiet


def outage_of(watch: Watch) -> Outage | None:
    return watch.outage


@pytest.fixture
def watch(db: None, clock: Clock) -> Watch:
    """A watch that has run for a while."""
    watch = Watch(PAUSE)
    watch.look()
    assert is_quiet(watch), "what started just now does not know who is alive"
    for _ in range(20):
        clock.now += PAUSE
        watch.look()
    assert not is_quiet(watch)
    return watch


@pytest.mark.parametrize("error", [OperationalError("the server closed the connection"), InterfaceError("connection closed")])
def test_after_the_database_was_away_holders_of_leases_have_time_to_renew_them(
    watch: Watch, clock: Clock, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def away() -> None:
        raise error

    with monkeypatch.context() as patch:
        patch.setattr(database_outages, "_now", away)
        with pytest.raises(type(error)):
            watch.look()
    assert outage_of(watch) is None
    watch.look()
    assert is_quiet(watch)
    outage = outage_of(watch)
    assert outage is not None
    assert outage.begun <= outage.ended
    clock.now += settings.LEASE_SECONDS / 2 + 1
    assert not is_quiet(watch)


def test_a_writer_who_waited_long_for_the_lock_knows_that_others_did(
    watch: Watch, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = database_outages._now

    def late() -> object:
        clock.now += settings.LEASE_SECONDS
        return now()

    monkeypatch.setattr(database_outages, "_now", late)
    watch.look()
    assert is_quiet(watch)
    assert watch.outage is not None


def test_a_recovery_that_was_away_itself_gives_time_and_excuses_nobody(watch: Watch, clock: Clock) -> None:
    clock.now += settings.LEASE_SECONDS
    watch.look()
    assert is_quiet(watch)
    assert watch.outage is None


def test_a_recovery_that_is_always_late_is_not_quiet_for_ever(watch: Watch, clock: Clock) -> None:
    quiet = []
    for _ in range(10):
        clock.now += settings.LEASE_SECONDS
        watch.look()
        quiet.append(watch.quiet)
    assert quiet == [True, *[False] * 9]


def outage(begun: float, ended: float) -> Outage:
    """Return the time ``seconds`` ago."""
    now = timezone.now()
    return Outage(now - timedelta(seconds=begun), now - timedelta(seconds=ended))


def lost(owner: User, ago: float) -> Run:
    launched(owner)
    run = claims.claim_next("worker@dead")
    assert run
    Run.objects.filter(pk=run.pk).update(lease_until=timezone.now() - timedelta(seconds=ago), losses=settings.MAX_ATTEMPTS - 1)
    return run


def test_a_lease_that_ended_while_the_database_was_away_does_not_count_among_the_attempts(owner: User) -> None:
    run = lost(owner, ago=60)
    services.take_back_expired(outage(begun=90, ended=30))
    run.refresh_from_db()
    assert (run.status, run.losses) == (Status.QUEUED, settings.MAX_ATTEMPTS - 1)
    event = Event.objects.get(run=run, payload__kind="lost")
    assert event.payload["excused"]
    assert event.payload["cause"] == services.DATABASE_AWAY


@pytest.mark.parametrize("ago", [5, 120])
def test_a_lease_that_ended_at_another_time_counts(owner: User, ago: float) -> None:
    run = lost(owner, ago)
    services.take_back_expired(outage(begun=90, ended=30))
    run.refresh_from_db()
    assert run.status == Status.FAILED


def test_imports_and_questions_that_the_database_ended_are_queued_again_and_others_fail(owner: User) -> None:
    ends = [timezone.now() - timedelta(seconds=ago) for ago in (60, 300)]
    for end in ends:
        Import.objects.create(owner=owner, state=State.RUNNING, attempt=1, lease_until=end)
        Question.objects.create(
            key=f"{end}", example=1, state=QuestionState.RUNNING, attempt=attributions.MAX_ATTEMPTS, lease_until=end
        )
    imports.fail_expired(outage(begun=90, ended=30))
    attributions.take_back_expired(outage(begun=90, ended=30))
    assert list(Import.objects.order_by("pk").values_list("state", flat=True)) == [State.QUEUED, State.FAILED]
    states = list(Question.objects.order_by("pk").values_list("state", "attempt"))
    assert states == [(QuestionState.QUEUED, attributions.MAX_ATTEMPTS - 1), (QuestionState.FAILED, attributions.MAX_ATTEMPTS)]


def test_what_must_be_written_is_written_once_the_database_is_back(clock: Clock) -> None:
    answers = iter([OperationalError("away"), InterfaceError("closed"), None])

    def write() -> str:
        if error := next(answers):
            raise error
        return "written"

    assert patiently(write) == "written"
    assert clock.slept == 2


def test_an_error_of_one_row_is_not_waited_for(clock: Clock) -> None:
    def write() -> None:
        raise OperationalError("malformed JSON")

    with pytest.raises(OperationalError):
        patiently(write)
    assert clock.slept == 0
