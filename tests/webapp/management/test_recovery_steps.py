"""A step of the recovery that fails, and a thread of the webhook that died, stop no other step."""

import threading
from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.db import OperationalError, connection

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
