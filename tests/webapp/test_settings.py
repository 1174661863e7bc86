"""Promises of the settings to the operator of an installation."""

import io
import logging

import pytest
from django.contrib.auth.models import User
from django.test import Client

from webapp.pages.experiments import list_views


def test_an_error_of_a_page_is_in_the_log_with_its_cause(owner: User, monkeypatch: pytest.MonkeyPatch) -> None:
    log = io.StringIO()
    handlers = [handler for handler in logging.getLogger("django").handlers if isinstance(handler, logging.StreamHandler)]
    for handler in handlers:
        monkeypatch.setattr(handler, "stream", log)
    monkeypatch.setattr(list_views, "list_page", lambda *_: 1 / 0)
    client = Client(raise_request_exception=False)
    client.force_login(owner)
    page = client.get("/experiments/")
    assert page.status_code == 500
    assert "The error is in the log of the web server." in page.content.decode()
    assert "ZeroDivisionError" in log.getvalue()
