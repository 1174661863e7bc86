"""Requests to the API, with the token of an account."""

import json
from typing import Any

from django.contrib.auth.models import User
from django.test import Client

from webapp.accounts.tokens import make_token


def api_of(user: User) -> Any:
    """Return a function of method, path and body that returns the status and the content of the answer."""
    client = Client(headers={"authorization": f"Bearer {make_token(user)}"})

    def ask(method: str, path: str, body: object = None) -> Any:
        answer = client.generic(method, f"/api/v1{path}", json.dumps(body), content_type="application/json")
        return answer.status_code, answer.json() if answer.content else None

    return ask
