"""The webhook is called for every end of an experiment, even after it was unavailable."""

import hashlib
import hmac
import json
import threading
from collections.abc import Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from tests.factories.experiments import finish_all, launched
from webapp.experiments import run_stop
from webapp.experiments.models import Experiment
from webapp.webhooks import services
from webapp.webhooks.models import Call


class Receiver:
    """A real HTTP server that stores the requests and answers with ``status``."""

    def __init__(self) -> None:
        self.status = 200
        self.heard: list[tuple[dict[str, Any], str | None]] = []
        self.raw: list[bytes] = []
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.raw.append(body)
                receiver.heard.append((json.loads(body), self.headers["X-Lab-Signature"]))
                self.send_response(receiver.status)
                if receiver.status == 302:
                    self.send_header("Location", "/elsewhere")
                self.send_header("Content-Length", "4")
                self.end_headers()
                self.wfile.write(b"said")

            def log_message(self, *_: object) -> None:
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/hook"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


@pytest.fixture
def receiver(settings: Any) -> Iterator[Receiver]:
    receiver = Receiver()
    settings.WEBHOOK_URL, settings.WEBHOOK_SECRET, settings.SITE_URL = receiver.url, "between us", "https://lab.example.org"
    settings.OUTGOING_NETWORKS = ["127.0.0.1"]
    yield receiver
    receiver.server.shutdown()
    receiver.server.server_close()


def done(owner: User) -> Experiment:
    experiment = launched(owner)
    finish_all(experiment)
    experiment.refresh_from_db()
    return experiment


def tell() -> None:
    if services.note():
        services.deliver()


def test_the_end_of_an_experiment_is_told_once_with_its_numbers_and_a_signature(owner: User, receiver: Receiver) -> None:
    experiment = done(owner)
    tell()
    tell()
    [(body, signature)] = receiver.heard
    assert body["experiment"] == {"id": experiment.pk, "name": "A test", "owner": owner.username, "state": "finished"}
    assert body["text"].endswith(f"is done. https://lab.example.org/experiments/{experiment.pk}/")
    assert experiment.result is not None
    assert [group["pgr"] for group in body["groups"]] == [group["pgr"] for group in experiment.result["groups"]]
    assert signature == "sha256=" + hmac.new(b"between us", receiver.raw[0], hashlib.sha256).hexdigest()


def test_an_experiment_at_work_is_not_told_and_one_that_was_stopped_is(owner: User, receiver: Receiver) -> None:
    experiment = launched(owner)
    tell()
    assert receiver.heard == []
    run_stop.stop_experiment(experiment, owner.username)
    tell()
    assert [body["experiment"]["state"] for body, _ in receiver.heard] == ["stopped"]


def test_a_receiver_that_is_away_is_told_later(owner: User, receiver: Receiver) -> None:
    done(owner)
    receiver.status = 503
    tell()
    call = Call.objects.get()
    assert (call.tries, call.problem) == (1, "It answered 503: said")
    tell()
    assert len(receiver.heard) == 1  # not before the pause is over
    Call.objects.update(due_at=timezone.now())
    receiver.status = 204
    tell()
    call.refresh_from_db()
    assert (call.tries, call.problem, call.due_at) == (2, "", None)
    assert receiver.heard[0][0]["id"] == receiver.heard[1][0]["id"]


def test_it_is_given_up_after_ten_tries(owner: User, receiver: Receiver) -> None:
    done(owner)
    receiver.status = 500
    tell()
    for _ in range(services.LONGEST_TRIES + 3):
        Call.objects.filter(due_at__isnull=False).update(due_at=timezone.now())
        tell()
    assert len(receiver.heard) == services.LONGEST_TRIES


def test_a_redirect_is_not_followed(owner: User, receiver: Receiver) -> None:
    done(owner)
    receiver.status = 302
    tell()
    assert len(receiver.heard) == 1
    assert "302" in Call.objects.get().problem


def test_what_ended_long_before_the_webhook_was_set_up_is_not_told(owner: User, receiver: Receiver) -> None:
    experiment = done(owner)
    Experiment.objects.filter(pk=experiment.pk).update(ended_at=timezone.now() - timedelta(days=2))
    tell()
    assert receiver.heard == []


def test_without_a_webhook_nothing_is_noted(owner: User, settings: Any) -> None:
    settings.WEBHOOK_URL = ""
    done(owner)
    assert services.note() is False
    assert not Call.objects.exists()


def test_a_receiver_at_an_address_that_is_not_public_gets_nothing_unless_it_is_allowed(
    owner: User, receiver: Receiver, settings: Any
) -> None:
    settings.OUTGOING_NETWORKS = []
    done(owner)
    tell()
    assert receiver.heard == []
    assert "OUTGOING_NETWORKS" in Call.objects.get().problem
