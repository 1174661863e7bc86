import pytest
from django.contrib.auth.models import User
from django.test import Client

from webapp.jobs import dispatch


@pytest.fixture
def page(client: Client, owner: User, monkeypatch: pytest.MonkeyPatch) -> Client:
    """A browser that is logged in; launching rings no bell and needs no broker."""
    monkeypatch.setattr(dispatch, "call", lambda times: True)
    monkeypatch.setattr(dispatch, "nudge", lambda run_ids: None)
    client.force_login(owner)
    return client
