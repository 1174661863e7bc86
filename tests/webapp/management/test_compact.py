"""Events are moved by a command that may be stopped, and by the recovery where EVENTS_DAYS says so."""

from io import StringIO
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import connection

from tests.factories.compacted import trained
from training.storage import event_files
from training.storage.remote import StoreUnreachable
from webapp.experiments import compaction
from webapp.experiments.models import Event, Run
from webapp.management.commands.recover import Recovery

pytestmark = pytest.mark.django_db


def compacted(*arguments: str) -> str:
    out = StringIO()
    call_command("compact", *arguments, stdout=out, stderr=out)
    return out.getvalue()


def test_the_command_moves_what_is_due_and_says_how_much(owner: User) -> None:
    trained(owner)
    before = Event.objects.count()
    assert compacted("--days", "0", "--dry-run").startswith("3 runs with up to ")
    assert Event.objects.count() == before
    assert compacted("--days", "1") == "0 events of 0 runs are in files now.\n"
    assert compacted("--days", "0") == "147 events of 3 runs are in files now.\n"
    assert Event.objects.count() == before - 147 + 6
    assert compacted("--days", "0") == "0 events of 0 runs are in files now.\n"


@pytest.mark.parametrize("arguments", [[], ["--days", "-1"], ["--days", "nan"], ["--days", "1e9"]])
def test_days_that_are_missing_or_impossible_are_refused(db: None, arguments: list[str]) -> None:
    with pytest.raises(CommandError, match="Give --days, a number from 0 to 36500, or set EVENTS_DAYS"):
        compacted(*arguments)


def test_it_is_stopped_between_two_runs_and_goes_on(owner: User, monkeypatch: pytest.MonkeyPatch) -> None:
    trained(owner)
    compact, stops = compaction.compact, [False, True]

    def stopped(run_id: int) -> int:
        if stops.pop(0):
            raise KeyboardInterrupt
        return compact(run_id)

    with monkeypatch.context() as patch:
        patch.setattr(compaction, "compact", stopped)
        with pytest.raises(CommandError, match="Stopped after 1 runs"):
            compacted("--days", "0")
    assert compacted("--days", "0") == "98 events of 2 runs are in files now.\n"


def test_runs_that_cannot_be_moved_keep_no_other_and_are_named(owner: User, monkeypatch: pytest.MonkeyPatch) -> None:
    trained(owner)
    first, write = Run.objects.order_by("ended_at")[0], event_files.write

    def refusing(store: Any, key: str, events: Any) -> str:
        if key == first.key:
            raise StoreUnreachable("The store is away.")
        return write(store, key, events)

    monkeypatch.setattr(event_files, "write", refusing)
    out = StringIO()
    with pytest.raises(CommandError, match="1 runs keep their events in the database"):
        call_command("compact", "--days", "0", stdout=out, stderr=out)
    assert f"run {first.pk}: The store is away." in out.getvalue()
    assert "98 events of 2 runs are in files now." in out.getvalue()


def test_it_refuses_a_store_that_is_away(owner: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compaction, "store_is_reachable", lambda: False)
    with pytest.raises(CommandError, match=r"Nothing was moved\. The store of artifacts cannot be reached now"):
        compacted("--days", "0")


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("called")
def test_the_recovery_moves_the_events_of_runs_that_ended_long_enough_ago(
    owner: User, recovery: Recovery, monkeypatch: pytest.MonkeyPatch
) -> None:
    trained(owner)
    before = Event.objects.count()
    recovery.round()
    recovery._compacting.run()
    assert Event.objects.count() == before, "they stay by default"
    monkeypatch.setattr(settings, "EVENTS_DAYS", 0.0)
    recovery.round()
    recovery._compacting.join(30)
    assert Event.objects.count() == before - 147 + 6
    connection.close()
