"""Workers that reach the laboratory by HTTPS alone, as requests of a test."""

import hashlib
import json
from typing import Any

from django.contrib.auth.models import User
from django.test import Client

from training.spec import ENGINE_VERSION
from webapp.accounts import tokens
from webapp.accounts.models import Scope

NAME = "gpu0@node"


class HttpsWorker:
    """A worker with a token of its own; ``claim`` gives it the first run of the queue."""

    def __init__(self, name: str = NAME, admin: User | None = None) -> None:
        admin = admin or User.objects.get_or_create(username="root", defaults={"is_superuser": True, "is_staff": True})[0]
        self.token, self.secret = tokens.make(admin, "worker", Scope.WORKER)
        self.path, self.known_as = f"/api/v1/work/{name}", f"{name} (HTTPS, token {self.token.pk})"
        self.client = Client(headers={"authorization": f"Bearer {self.secret}"}, raise_request_exception=False)

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        data = "" if body is None else json.dumps(body)
        return self.client.generic(method, f"{self.path}{path}", data, content_type="application/json")

    def register(self) -> None:
        about = {"engine": ENGINE_VERSION, "packages": {}, "devices": [], "processes": 1}
        assert self.ask("PUT", "/presence", about).status_code == 204

    def claim(self) -> dict[str, Any]:
        """Return the first of the runs that are claimed together."""
        (run, *_) = self.ask("POST", "/claim").json()["runs"]
        return dict(run)

    def append(self, run: dict[str, Any], events: list[dict[str, Any]], after: int | None = None) -> Any:
        key = str(run["id"])
        about = {"attempts": {key: run["attempt"]}, "after": {key: run["last_seq"] if after is None else after}}
        return self.ask("POST", "/events", {**about, "events": {key: events}})

    def put(self, name: str, content: bytes, digest: str | None = None) -> Any:
        headers = {"X-Content-SHA256": digest or hashlib.sha256(content).hexdigest()}
        return self.client.put(f"{self.path}/files/{name}", content, content_type="application/octet-stream", headers=headers)

    def get(self, name: str, **headers: str) -> Any:
        return self.client.get(f"{self.path}/files/{name}", headers=headers)


def metric(step: int) -> dict[str, Any]:
    return {"kind": "metric", "step": step, "loss": 1.0, "lr": 0.001}


STARTED = {"kind": "started", "total_steps": 20, "device": "cpu", "versions": {}}
