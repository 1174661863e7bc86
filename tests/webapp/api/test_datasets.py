"""Data sets through the API."""

import json
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from tests.factories.imports import HOW, NO, YES, content, sums, work
from training import catalog
from webapp.accounts.tokens import make_token
from webapp.imports.models import Import


@pytest.fixture
def client(owner: User) -> Client:
    return Client(headers={"authorization": f"Bearer {make_token(owner)}"})


def bring(client: Client, **changes: Any) -> Any:
    sent = {"file": SimpleUploadedFile("notes.csv", content()), "name": "notes", "mapping": json.dumps(HOW)}
    return client.post("/api/v1/datasets", sent | changes)


def test_a_file_with_its_mapping_and_name_is_a_data_set_when_its_import_is_saved(client: Client, tmp_path: Path) -> None:
    answer = bring(client, licence="CC0")
    assert answer.status_code == 202
    pk = answer.json()["id"]
    assert answer.json()["state"] == "queued"
    work(Import.objects.get())
    assert client.get(f"/api/v1/imports/{pk}").json()["dataset"] == "notes"
    dataset = client.get("/api/v1/datasets/notes").json()
    assert (dataset["state"], dataset["rows"], dataset["licence"]) == ("ready", 150, "CC0")
    assert dataset["report"]["counts"]["read"] == 150
    assert dataset["warnings"] == ["There are only 150 rows: expect wide intervals."]


def test_the_list_tells_every_data_set_with_its_state(client: Client) -> None:
    states = {dataset["name"]: dataset["state"] for dataset in client.get("/api/v1/datasets").json()}
    assert states["movie-reviews"] == "embedded"
    assert states["boolq"] == "registered"
    assert len(states) == len(catalog.DATASETS) + len(catalog.REGISTERED)


@pytest.mark.parametrize(
    ("change", "path", "message"),
    [
        ({"name": "boolq"}, "name", "is the name of a data set that the laboratory knows"),
        ({"mapping": "{"}, "mapping", "This is not JSON"),
        ({"mapping": json.dumps(HOW | {"classes": [NO]})}, "mapping.classes", "At least two classes are needed."),
        (
            {"mapping": json.dumps(HOW | {"classes": [NO, YES | {"values": []}]})},
            "mapping.classes.1.values",
            "at least one entry",
        ),
        ({"file": SimpleUploadedFile("notes.csv", b"\x1f\x8b")}, "file", "The file is compressed (gzip)."),
    ],
)
def test_what_cannot_be_used_is_named_by_its_field_and_nothing_is_kept(
    client: Client, change: dict[str, Any], path: str, message: str
) -> None:
    answer = bring(client, **change)
    assert answer.status_code == 422, answer.content
    [error] = answer.json()["errors"]
    assert error["path"].startswith(path)
    assert message in error["message"]
    assert not Import.objects.exists()


ANSWERED = {"kind": "answers", "prompt": "question", "answers": "answer", "rule": {"extract": "number"}, "keep": ["topic"]}


def test_a_file_of_prompts_and_answers_is_a_generative_data_set_with_its_rule(client: Client) -> None:
    file = SimpleUploadedFile("sums.csv", sums())
    assert bring(client, file=file, name="sums", mapping=json.dumps(ANSWERED | {"difficulty": "difficulty"})).status_code == 202
    work(Import.objects.get())
    dataset = client.get("/api/v1/datasets/sums").json()
    assert (dataset["task"], dataset["classes"], dataset["answers"]) == ("generative", [], {"extract": "number", "pattern": None})
    report = dataset["report"]["answers"]
    assert (report["distinct"], report["difficulty"], report["columns"]) == (150, [1.0, 2.0, 3.0], ["topic"])
    probes = {"data": {"name": "sums"}, "weak": {"tuning": "probe"}}
    refused = client.post("/api/v1/experiments", probes, content_type="application/json")
    assert refused.status_code == 422
    assert "weak.tuning" in {error["path"] for error in refused.json()["errors"]}


@pytest.mark.parametrize(
    ("change", "path", "message"),
    [
        ({"rule": {"extract": "pattern", "pattern": "("}}, "mapping.rule.pattern", "The regular expression cannot be read"),
        ({"rule": {"extract": "vowel"}}, "mapping.rule.extract", "Must be "),
        ({"longest": 0}, "mapping.longest", "Must be at least 1."),
        ({"keep": ["text"]}, "mapping.keep", "has a meaning of its own"),
    ],
)
def test_a_mapping_to_answers_that_cannot_be_used_is_named_by_its_field(
    client: Client, change: dict[str, Any], path: str, message: str
) -> None:
    answer = bring(client, file=SimpleUploadedFile("sums.csv", sums()), mapping=json.dumps(ANSWERED | change))
    assert answer.status_code == 422
    [error] = answer.json()["errors"]
    assert error["path"] == path
    assert message in error["message"]


def test_a_data_set_is_made_from_the_seed_in_its_name(client: Client) -> None:
    listed = {dataset["name"]: dataset for dataset in client.get("/api/v1/datasets").json()}
    assert listed["arithmetic-steps"]["source"] == "made by the laboratory"
    assert listed["gsm8k"]["task"] == "generative"
    assert (listed["anthropic_hh"]["task"], listed["boolq"]["task"]) == ("preferences", "classification")
    assert client.post("/api/v1/datasets/arithmetic-steps-seed-4/fetch").status_code == 202
    work(Import.objects.get())
    made = client.get("/api/v1/datasets/arithmetic-steps-seed-4").json()
    assert (made["state"], made["source"]) == ("ready", "made by the laboratory from seed 4")


def test_a_registered_data_set_is_fetched_once_however_often_that_is_asked(client: Client) -> None:
    first, second = (client.post("/api/v1/datasets/boolq/fetch") for _ in range(2))
    assert first.status_code == 202
    assert first.json() == second.json()
    assert client.post("/api/v1/datasets/nothing/fetch").status_code == 422


def test_strangers_are_refused_and_what_is_not_there_is_not_found(client: Client) -> None:
    assert Client().get("/api/v1/datasets").status_code == 401
    assert client.get("/api/v1/datasets/nothing").status_code == 404
    assert client.get("/api/v1/imports/9").status_code == 404
