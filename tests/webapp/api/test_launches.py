"""A launch that is repeated because its answer was lost makes no second experiment."""

import json
from datetime import timedelta
from threading import Barrier, Thread
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.utils import timezone

from webapp.accounts.tokens import make_token
from webapp.api.models import Launch
from webapp.experiments.models import Experiment


@pytest.fixture
def client(owner: User) -> Client:
    return Client(headers={"authorization": f"Bearer {make_token(owner)}"})


def post(client: Client, key: str, name: str = "Once", query: str = "?launch=true") -> Any:
    body = json.dumps({"name": name, "seeds": 1})
    headers = {"idempotency-key": key}
    return client.post(f"/api/v1/experiments{query}", body, content_type="application/json", headers=headers)


def test_the_same_key_and_body_give_the_same_experiment(client: Client, broker: str) -> None:
    first, again = post(client, "k"), post(client, "k")
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.json()["id"] == again.json()["id"]
    assert post(client, "another").json()["id"] != first.json()["id"]
    assert Experiment.objects.count() == 2


def test_a_key_for_another_body_or_another_query_is_refused(client: Client, broker: str) -> None:
    post(client, "k")
    for answer in (post(client, "k", name="Twice"), post(client, "k", query="")):
        assert answer.status_code == 409
        assert "take a new one" in answer.json()["errors"][0]["message"]
    assert Experiment.objects.count() == 1


def test_a_key_belongs_to_its_person_and_to_a_day(client: Client, broker: str) -> None:
    own = post(client, "k").json()["id"]
    grace = User.objects.create_user("grace")
    other = Client(headers={"authorization": f"Bearer {make_token(grace)}"})
    assert post(other, "k").json()["id"] != own
    Launch.objects.update(at=timezone.now() - timedelta(hours=25))
    assert post(client, "k").json()["id"] != own


@pytest.mark.django_db(transaction=True)
def test_two_at_once_make_one(broker: str) -> None:
    owner = User.objects.create_user("ada")
    clients = [Client(headers={"authorization": f"Bearer {make_token(owner)}"}) for _ in range(4)]
    gate, answers = Barrier(len(clients)), []

    def send(client: Client) -> None:
        gate.wait()
        answers.append(post(client, "k", query=""))
        connection.close()

    threads = [Thread(target=send, args=(client,)) for client in clients]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [answer.status_code for answer in answers] == [201] * 4
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert Experiment.objects.count() == 1
