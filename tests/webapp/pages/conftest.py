import pytest
from django.contrib.auth.models import User
from django.test import Client

from webapp import notifications


@pytest.fixture
def page(client: Client, owner: User, monkeypatch: pytest.MonkeyPatch) -> Client:
    """A client that is logged in as the owner. Launches send no messages, so no broker is needed."""
    monkeypatch.setattr(notifications, "call", lambda *_: True)
    monkeypatch.setattr(notifications, "notify_viewers", lambda run_ids: None)
    client.force_login(owner)
    return client
