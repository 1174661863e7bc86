"""The page for renaming and deleting an experiment."""

import pytest
from django.contrib.auth.models import User
from django.test import Client

from tests.factories.experiments import finish_all, launched
from webapp.audit.models import Entry
from webapp.experiments.models import Experiment


@pytest.fixture
def experiment(owner: User, client: Client) -> Experiment:
    client.force_login(owner)
    experiment = launched(owner)
    finish_all(experiment)
    return experiment


def audit_log() -> list[tuple[str, str]]:
    return [(entry.verb, entry.title) for entry in Entry.objects.filter(verb__in=["renamed", "deleted"]).order_by("pk")]


def test_renaming_is_done_and_told(client: Client, experiment: Experiment) -> None:
    address = f"/experiments/{experiment.pk}/manage/"
    answer = client.post(address, {"do": "rename", "name": "Deep probes"}, follow=True)
    assert "<h1>Deep probes</h1>" in answer.content.decode()
    wrong = client.post(address, {"do": "rename", "name": " "})
    assert wrong.status_code == 422
    assert 'aria-describedby="name-help"' in wrong.content.decode()
    assert audit_log() == [("renamed", "Deep probes")]


@pytest.mark.parametrize("budget", ["0", "-1", "many", "nan", "1e999"])
def test_an_error_of_a_budget_is_at_its_field_and_a_valid_one_is_stored(
    client: Client, experiment: Experiment, budget: str
) -> None:
    address = f"/experiments/{experiment.pk}/manage/"
    client.post(address, {"do": "limit", "budget": "2.5"})
    answer = client.post(address, {"do": "limit", "budget": budget})
    assert answer.status_code == 422
    assert list(answer.context["wrong"]) == ["budget"]
    assert answer.context["budget"] == budget
    experiment.refresh_from_db()
    assert experiment.budget_hours == 2.5
    client.post(address, {"do": "limit", "budget": ""})
    experiment.refresh_from_db()
    assert experiment.budget_hours is None


def test_deleting_wants_the_number_and_is_told(client: Client, experiment: Experiment) -> None:
    address = f"/experiments/{experiment.pk}/manage/"
    answer = client.post(address, {"do": "delete", "number": "999"})
    assert answer.status_code == 422
    assert f"Type {experiment.pk}, the number of the experiment." in answer.content.decode()
    answer = client.post(address, {"do": "delete", "number": f"#{experiment.pk}"}, follow=True)
    assert f"Experiment {experiment.pk} is deleted." in answer.content.decode()
    assert client.get(f"/experiments/{experiment.pk}/").status_code == 404
    assert audit_log() == [("deleted", "A test")]


def test_it_says_how_many_runs_others_have_too(client: Client, owner: User, experiment: Experiment) -> None:
    address = f"/experiments/{experiment.pk}/manage/"
    assert "belong to other experiments too" not in client.get(address).content.decode()
    launched(owner, methods=[{"kind": "naive"}], name="A part of it")
    assert "3 of them belong to other experiments too" in client.get(address).content.decode()
