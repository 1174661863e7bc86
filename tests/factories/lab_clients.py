"""The Python client with the API in the same process."""

from collections.abc import Iterator
from contextlib import contextmanager

import httpx2
from django.contrib.auth.models import User
from django.core.signals import request_finished, request_started
from django.core.wsgi import get_wsgi_application
from django.db import close_old_connections

from training.client import Lab
from webapp.accounts.tokens import make_token


def lab_of(token: str, transport: httpx2.BaseTransport) -> Lab:
    lab = Lab("http://testserver", token)
    lab._http = httpx2.Client(transport=transport, base_url=lab._http.base_url, headers=lab._http.headers)
    return lab


@contextmanager
def lab_client(owner: User) -> Iterator[Lab]:
    """Requests share the test's transaction, which the end of a request would close."""
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    yield lab_of(make_token(owner), httpx2.WSGITransport(app=get_wsgi_application()))
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)
