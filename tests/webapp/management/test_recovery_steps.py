"""A step of the recovery that fails, and a thread of the webhook that died, stop no other step."""

import threading
from collections.abc import Callable

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.db import OperationalError, connection
from django.test.utils import CaptureQueriesContext

from tests.factories.experiments import launched
from webapp.experiments import budget
from webapp.management.commands.recover import Recovery
from webapp.webhooks import services as hooks

pytestmark = pytest.mark.usefixtures("called")


def test_a_step_that_fails_keeps_no_other_from_being_done_and_is_not_tried_hot(
    db: None, recovery: Recovery, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []

    def failing(name: str, error: Exception) -> Callable[[], None]:
        def step() -> None:
            done.append(name)
            raise error

        return step

    recovery.steps = {
        "first": failing("first", KeyError("first")),
        "second": failing("second", OperationalError("away")),
        "third": lambda: done.append("third"),
    }
    recovery.round()
    recovery.round()
    assert done == ["first", "second", "third", "second", "third"]


LARGE = ("experiments_run", "experiments_experiment", "experiments_part", "experiments_event")
"""Tables that grow with the laboratory."""


@pytest.mark.embedded("reads a plan of SQLite")
def test_a_pass_of_the_recovery_reads_no_table_that_grows_with_the_laboratory(
    owner: User, recovery: Recovery, monkeypatch: pytest.MonkeyPatch
) -> None:
    launched(owner)
    monkeypatch.setattr(settings, "EVENTS_DAYS", 30.0)
    recovery.watch._quiet_until = 0.0  # as some time after the start
    with CaptureQueriesContext(connection) as captured:
        recovery.round()
    queries = [query["sql"] for query in captured if query["sql"].startswith("SELECT")]
    assert len(queries) > len(recovery.steps)
    with connection.cursor() as cursor:
        for query in queries:
            cursor.execute(f"EXPLAIN QUERY PLAN {query}")
            plan = [str(row[-1]) for row in cursor.fetchall()]
            assert not [line for line in plan if line.startswith("SCAN") and line.split()[1] in LARGE], (query, plan)


def test_the_whole_recovery_goes_on_after_a_thread_of_the_webhook_died(
    owner: User, recovery: Recovery, monkeypatch: pytest.MonkeyPatch
) -> None:
    called_webhook = threading.Event()

    def deliver() -> None:
        called_webhook.set()
        raise KeyError("webhook")

    monkeypatch.setattr(connection, "close", lambda: None)
    monkeypatch.setattr(hooks, "note", lambda: True)
    monkeypatch.setattr(hooks, "deliver", deliver)
    recovery.round()
    assert called_webhook.wait(10)
    recovery._delivering.join(10)
    recovery.round()
    assert budget.limited().count() == 0
