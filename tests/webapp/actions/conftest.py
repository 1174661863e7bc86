from collections.abc import Callable

import pytest
from kombu.exceptions import OperationalError

from webapp import notifications
from webapp.audit.models import Entry
from webapp.celery import app

Logged = Callable[[], list[tuple[str, str, str, str]]]


@pytest.fixture
def logged(db: None) -> Logged:
    """The audit log, the oldest entry first: account, verb, kind and title."""
    return lambda: [(entry.name, entry.verb, entry.about, entry.title) for entry in Entry.objects.order_by("pk")]


@pytest.fixture
def no_broker(monkeypatch: pytest.MonkeyPatch) -> None:
    """A broker that is away."""

    def away(*_: object, **__: object) -> None:
        raise OperationalError("connection refused")

    monkeypatch.setattr(app, "send_task", away)
    monkeypatch.setattr(notifications, "notify_viewers", lambda run_ids: None)
