import pytest
from django.contrib.auth.models import User
from django.test import Client

from webapp import notifications
from webapp.celery import app


@pytest.fixture
def page(client: Client, owner: User, monkeypatch: pytest.MonkeyPatch) -> Client:
    """A client that is logged in as the owner. Launches send no messages, so no broker is needed."""
    monkeypatch.setattr(app, "send_task", lambda *_, **__: None)
    monkeypatch.setattr(notifications, "notify_viewers", lambda run_ids: None)
    client.force_login(owner)
    return client
