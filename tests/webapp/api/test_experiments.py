import json
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from tests.factories.experiments import finish_all, launched, spec
from webapp.accounts.tokens import make_token
from webapp.experiments.models import Experiment, Run


@pytest.fixture
def client(owner: User) -> Client:
    return Client(headers={"authorization": f"Bearer {make_token(owner)}"})


def post(client: Client, path: str, body: Any) -> Any:
    return client.post(f"/api/v1{path}", json.dumps(body), content_type="application/json")


def listed(client: Client, query: str = "") -> Any:
    return client.get(f"/api/v1/experiments{query}").json()


def test_pages_of_the_list_join_without_gap_and_say_how_many_there_are(client: Client) -> None:
    made = [post(client, "/experiments", {"name": f"Number {number}"}).json()["id"] for number in range(5)]
    pages = [listed(client, f"?per_page=2&page={page}") for page in (1, 2, 3, 4)]
    assert [entry["id"] for page in pages for entry in page["experiments"]] == made[::-1]
    assert {(page["total"], page["pages"]) for page in pages} == {(5, 3)}


def test_the_list_is_read_on_after_the_last_page_in_any_order(client: Client) -> None:
    names = ["Beta", "alpha", "Gamma"]
    for name in names:
        post(client, "/experiments", {"name": name})
    first = listed(client, "?sort=name&per_page=2")
    second = listed(client, f"?sort=name&per_page=2&after={first['after']}")
    assert [entry["name"] for page in (first, second) for entry in page["experiments"]] == ["alpha", "Beta", "Gamma"]
    assert (second["after"], second["total"]) == ("", 3)
    last = listed(client, "?owner=ada&method=naive&sort=-name")["experiments"][0]
    assert last["name"] == "Gamma"
    assert listed(client, "?method=product")["total"] == 0


def test_the_list_is_searched_by_name_by_number_and_by_state(client: Client, owner: User) -> None:
    done, draft = launched(owner), post(client, "/experiments", {"name": "Only a draft"}).json()["id"]
    finish_all(done)
    for query, expected in (
        ("?text=ONLY", draft),
        (f"?text=%23{done.pk}", done.pk),
        ("?state=draft", draft),
        ("?state=finished", done.pk),
    ):
        assert [entry["id"] for entry in listed(client, query)["experiments"]] == [expected]
    assert listed(client, "?text=only&state=finished")["total"] == 0


@pytest.mark.parametrize(
    ("query", "path"),
    [
        *(("per_page=101", "per_page"), ("page=0", "page"), ("state=odd", "state")),
        *(("after=x", "after"), ("sort=size", "sort"), ("since=today", "since")),
    ],
)
def test_a_wrong_question_to_the_list_is_named(client: Client, query: str, path: str) -> None:
    answer = client.get(f"/api/v1/experiments?{query}")
    assert answer.status_code == 422
    assert path in answer.json()["errors"][0]["path"]


def test_a_preview_counts_what_is_done_and_stores_nothing(client: Client, owner: User) -> None:
    body = spec().model_dump(mode="json")
    before = post(client, "/experiments/preview", body).json()
    assert (before["done"], before["to_run"]) == (0, before["unique"])
    assert not Experiment.objects.exists()
    assert not Run.objects.exists()


def test_a_stored_experiment_is_launched_later(client: Client, broker: str) -> None:
    pk = post(client, "/experiments", spec().model_dump(mode="json")).json()["id"]
    assert client.post(f"/api/v1/experiments/{pk}/launch").json()["state"] == "waiting"


def test_a_clone_names_its_parent_and_an_unknown_parent_is_not_found(client: Client) -> None:
    parent = post(client, "/experiments", {"name": "First"}).json()["id"]
    clone = post(client, f"/experiments?parent={parent}", {"name": "Second"}).json()["id"]
    assert {entry["id"]: entry["parent"] for entry in listed(client)["experiments"]} == {parent: None, clone: parent}
    assert post(client, "/experiments?parent=999", {"name": "Third"}).status_code == 404
    assert Experiment.objects.count() == 2


def test_numbers_that_no_database_holds_are_not_found(client: Client) -> None:
    assert client.get(f"/api/v1/experiments/{10**30}").status_code == 404
    assert post(client, f"/experiments?parent={10**30}", {"name": "Far"}).status_code == 404


def test_an_experiment_is_renamed_and_deleted(client: Client, owner: User) -> None:
    experiment = launched(owner)
    address = f"/api/v1/experiments/{experiment.pk}"
    answer = client.patch(address, json.dumps({"name": "Deep probes"}), content_type="application/json")
    assert (answer.status_code, answer.json()["name"], answer.json()["spec"]["name"]) == (200, "Deep probes", "Deep probes")
    refused = client.patch(address, json.dumps({"name": " "}), content_type="application/json")
    assert (refused.status_code, refused.json()["errors"][0]["path"]) == (422, "name")
    at_work = client.delete(address)
    assert (at_work.status_code, at_work.json()["errors"][0]["message"]) == (
        409,
        "Runs of this experiment are at work. Stop it first.",
    )
    finish_all(experiment)
    assert client.delete(address).status_code == 204
    assert client.get(address).status_code == 404
