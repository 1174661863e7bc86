import json
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.test import Client

from tests.factories.experiments import finish_all, launched, spec
from webapp.accounts.models import Scope, Token
from webapp.accounts.tokens import make, make_token
from webapp.api.urls import api
from webapp.experiments.models import Experiment, Status

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def client(owner: User) -> Client:
    return Client(headers={"authorization": f"Bearer {make_token(owner)}"})


def post(client: Client, path: str, body: Any) -> Any:
    return client.post(f"/api/v1{path}", json.dumps(body), content_type="application/json")


def test_an_experiment_is_stored_and_only_launched_when_that_is_asked(client: Client, broker: str) -> None:
    answer = post(client, "/experiments", spec().model_dump(mode="json"))
    assert (answer.status_code, answer.json()["state"], answer.json()["runs"]) == (201, "draft", [])
    answer = post(client, "/experiments?launch=true", {"name": "Defaults are enough"})
    assert (answer.json()["state"], len(answer.json()["runs"])) == ("waiting", 20)


def test_what_was_sent_comes_back_as_the_spec(client: Client) -> None:
    sent = spec(seeds=2, methods=[{"kind": "confidence", "weight": 0.25}]).model_dump(mode="json")
    pk = post(client, "/experiments", sent).json()["id"]
    assert client.get(f"/api/v1/experiments/{pk}").json()["spec"] == sent


@pytest.mark.parametrize(
    ("method", "address", "body", "path"),
    [
        ("POST", "/tokens", {"name": "script", "scope": "read", "days": 0}, "days"),
        ("PATCH", "/experiments/{pk}", {"budget_hours": -1}, "budget_hours"),
        ("POST", "/experiments/{pk}/move", {"to": "nowhere"}, "to"),
        ("GET", "/experiments?per_page=0", None, "per_page"),
        ("GET", "/runs/1/log?lines=0", None, "lines"),
        ("GET", "/experiments/{pk}/examples?split=all", None, "split"),
    ],
)
def test_a_wrong_field_is_named_without_the_parameter_that_has_it(
    client: Client, owner: User, called: list[str], method: str, address: str, body: Any, path: str
) -> None:
    experiment = launched(owner)
    answer = client.generic(
        method, f"/api/v1{address.format(pk=experiment.pk)}", json.dumps(body) if body else "", content_type="application/json"
    )
    assert (answer.status_code, answer.json()["errors"][0]["path"]) == (422, path)


@pytest.mark.parametrize(
    ("body", "path", "message"),
    [
        ({"data": {"name": "movie-review"}}, "data.name", "Did you mean movie-reviews?"),
        ({"strong": {"models": ["gpt-9"]}}, "strong.models", "There is no model called “gpt-9”"),
        ({"seeds": 0}, "seeds", "at least 1"),
        ({"seeds": 1000}, "seeds", "at most 50"),
        ({"strong": {"lr": -0.1}}, "strong.lr", "greater than 0"),
        ({"methods": [{"kind": "confidence", "weight": 2}]}, "methods.0.weight", "at most 1"),
        ({"methods": [{"kind": "magic"}]}, "methods.0", "magic"),
        ({"strong": {"momentum": 0.9}}, "strong.momentum", "This is not a setting."),
    ],
)
def test_a_wrong_field_is_named_by_its_path_and_nothing_is_stored(client: Client, body: Any, path: str, message: str) -> None:
    answer = post(client, "/experiments?launch=true", body)
    assert answer.status_code == 422
    [error] = answer.json()["errors"]
    assert error["path"] == path
    assert message in error["message"]
    assert not Experiment.objects.exists()


def test_a_weak_model_equal_to_the_strong_one_is_a_warning_and_no_error(client: Client) -> None:
    answer = post(client, "/experiments", {"weak": {"models": ["minilm-l4"]}})
    assert answer.status_code == 201
    assert any("both supervisor and student" in warning for warning in answer.json()["warnings"])


def test_a_finished_experiment_carries_its_result(client: Client, owner: User) -> None:
    experiment = launched(owner)
    finish_all(experiment)
    answer = client.get(f"/api/v1/experiments/{experiment.pk}").json()
    assert answer["state"] == "finished"
    assert answer["fraction"] == 1
    assert {group["method"] for group in answer["result"]["groups"]} == {"naive", "confidence"}


def test_stopping_answers_with_the_new_state(client: Client, owner: User, broker: str) -> None:
    experiment = launched(owner)
    answer = client.post(f"/api/v1/experiments/{experiment.pk}/stop")
    assert answer.json()["state"] == "stopped"
    assert {run["status"] for run in answer.json()["runs"]} == {Status.STOPPED}


def test_events_are_read_in_pages_that_join_without_gap_or_overlap(client: Client, owner: User) -> None:
    experiment = launched(owner)
    finish_all(experiment)
    run = experiment.runs.first()
    assert run
    everything = client.get(f"/api/v1/runs/{run.pk}/events").json()
    half = everything["events"][3]["seq"]
    rest = client.get(f"/api/v1/runs/{run.pk}/events?after={half}").json()
    assert everything["events"][:4] + rest["events"] == everything["events"]
    assert rest["last"] == everything["last"] == run.last_seq


def test_without_a_valid_token_nothing_is_told(owner: User) -> None:
    experiment = launched(owner)
    for headers in ({}, {"authorization": "Bearer wrong"}):
        client = Client(headers=headers)
        for path in (f"/experiments/{experiment.pk}", "/experiments/999", "/runs/1/events", "/schema"):
            answer = client.get(f"/api/v1{path}")
            assert answer.status_code == 401
            assert "token" in answer.json()["errors"][0]["message"]


def test_a_session_is_no_token(owner: User) -> None:
    client = Client()
    client.force_login(owner)
    assert client.get("/api/v1/schema").status_code == 401


def test_only_the_digest_of_a_token_is_stored(owner: User) -> None:
    token = make_token(owner)
    assert token not in str(list(Token.objects.values()))


def test_the_token_command_prints_a_token_that_works(owner: User, capsys: pytest.CaptureFixture[str]) -> None:
    call_command("token", "ada")
    client = Client(headers={"authorization": f"Bearer {capsys.readouterr().out.strip()}"})
    assert client.get("/api/v1/schema").json()["title"] == "ExperimentSpec"


def test_unknown_experiments_and_runs_are_not_found(client: Client) -> None:
    assert client.get("/api/v1/experiments/999").status_code == 404
    assert client.get("/api/v1/runs/999/events").status_code == 404


def test_the_published_openapi_document_is_what_the_code_serves() -> None:
    """To update the document: manage.py export_openapi_schema --api webapp.api.urls.api --indent 1 --output docs/openapi.json"""
    assert json.loads((ROOT / "docs" / "openapi.json").read_text()) == json.loads(json.dumps(api.get_openapi_schema()))


def test_an_address_that_is_none_is_told_as_the_api_tells_everything(client: Client) -> None:
    for path in ("/nowhere", "/experiments/1/examples/2/tags/two%0Alines"):
        answer = client.get(f"/api/v1{path}")
        assert (answer.status_code, answer["Content-Type"].partition(";")[0]) == (404, "application/json")
        assert answer.json()["errors"][0]["message"]
    assert client.get("/nowhere")["Content-Type"].startswith("text/html")


def test_the_description_of_the_api_is_for_those_who_may_use_it(client: Client, owner: User) -> None:
    path, reader, inside = "/api/v1/openapi.json", make(owner, "reads", Scope.READ)[1], Client()
    inside.force_login(owner)
    assert client.get(path).json() == inside.get(path).json() == json.loads((ROOT / "docs" / "openapi.json").read_text())
    assert Client(headers={"authorization": f"Bearer {reader}"}).get(path).status_code == 200
    owner.is_active = False
    owner.save()
    for stranger in (Client(), client, inside, Client(headers={"authorization": "Bearer wrong"})):
        answer = stranger.get(path)
        assert (answer.status_code, "/experiments" in answer.content.decode()) == (401, False)
