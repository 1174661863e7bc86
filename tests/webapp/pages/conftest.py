import pytest
from django.contrib.auth.models import User
from django.test import Client

from webapp.jobs import dispatch


@pytest.fixture
def page(client: Client, owner: User, monkeypatch: pytest.MonkeyPatch) -> Client:
    """A client that is logged in as the owner. A launch sends no message, so no broker is needed."""
    monkeypatch.setattr(dispatch, "call", lambda times: True)
    monkeypatch.setattr(dispatch, "nudge", lambda run_ids: None)
    client.force_login(owner)
    return client
