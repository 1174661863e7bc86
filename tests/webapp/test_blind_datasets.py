"""Blind data sets: their truth is shown, exported and answered to who imported them and to administrators alone."""

import json
from html import escape
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.test import Client

from tests.factories.api_clients import api_of
from tests.factories.experiments import spec
from tests.factories.imports import content, queued, work
from tests.factories.trained import train_all
from tests.webapp.page_text import text
from tests.webapp.permissions import PAGES
from training.catalog.dataset_card import About
from webapp.accounts.tokens import make_token
from webapp.actions import datasets as dataset_actions
from webapp.actions import experiments as experiment_actions
from webapp.api.urls import api
from webapp.experiments.models import Experiment, Role
from webapp.imports import blind
from webapp.reports.choices import Choices
from webapp.reports.composition import compose
from webapp.reports.refusal import Refused

SMALL = {"models": ["bag-of-words"], "epochs": 2}
TEXTS = [line.split(",")[0] for line in content().decode().splitlines()[1:]]


@pytest.fixture
def blinded(people: dict[str, User | None], called: list[str], tmp_path: Path) -> Experiment:
    """A finished experiment of the owner on a blind data set."""
    owner = people["owner"]
    assert owner
    row = work(queued(owner, tmp_path / "in"))
    dataset_actions.save(row, About(name="notes"), owner)
    experiment = experiment_actions.create(
        owner, spec(data={"name": "notes"}, weak=SMALL, strong=SMALL, methods=[{"kind": "naive"}])
    )
    experiment_actions.launch(experiment, owner)
    train_all(experiment)
    status, answer = api_of(owner)("PUT", "/datasets/notes/blind", {"blind": True})
    assert (status, answer["blind"]) == (200, True)
    return experiment


REFUSED_PAGES = {
    *("examples-classes", "examples-classes-file", "example-picture"),
    *("explorer", "examples-marked", "examples-export", "example", "example-nearby", "example-words", "example-write"),
    "archive",
}
REFUSED_CALLS = {
    *("examples/classes", "examples/{example_id}/picture"),
    *("examples", "examples/counts", "examples/export", "examples/{example_id}", "marked", "archive"),
}


def addresses(experiment: Experiment, example: int) -> dict[str, str]:
    """Return the address of each page about the experiment, its runs and its data set, by the name of its route."""
    student = experiment.parts.get(role=Role.STUDENT).run
    known: dict[str, object] = {"example": example, "name": "notes", "how": "csv"}
    places = {}
    for route in PAGES:
        path = str(route.pattern)
        if not path.startswith(("experiments/<int:pk>/", "runs/<int:pk>/", "datasets/<slug:name>/")):
            continue
        values = known | {"pk": student.pk if path.startswith("runs/") else experiment.pk}
        for name in route.pattern.converters:
            value = values.get(name, "gap")
            path = path.replace(
                f"<{type(route.pattern.converters[name]).__name__.removesuffix('Converter').lower()}:{name}>", str(value)
            )
            path = path.replace(f"<int:{name}>", str(value)).replace(f"<slug:{name}>", str(value))
        places[str(route.name)] = f"/{path}"
    return places


def test_a_crawl_as_another_member_finds_the_truth_nowhere(people: dict[str, User | None], blinded: Experiment) -> None:
    other, owner = people["other"], people["owner"]
    assert other
    assert owner
    example = int(api_of(owner)("GET", f"/experiments/{blinded.pk}/examples")[1]["examples"][0]["id"])
    client, owners = Client(), Client()
    client.force_login(other)
    owners.force_login(owner)
    seen = dict.fromkeys(REFUSED_PAGES)
    for name, address in addresses(blinded, example).items():
        answer = client.get(address)
        body = b"" if answer.streaming else answer.content
        assert not [words for words in TEXTS if escape(words).encode() in body], address
        if name in REFUSED_PAGES and name != "example-write":
            assert answer.status_code == 403, address
            seen[name] = 1
        elif name not in REFUSED_PAGES:
            assert answer.status_code != 500, address
    assert [name for name, done in seen.items() if not done] == ["example-write"]
    assert client.post(f"/experiments/{blinded.pk}/examples/{example}/write/", {"do": "tag", "text": "x"}).status_code == 403
    assert TEXTS[0].split()[0] in text(owners, f"/experiments/{blinded.pk}/examples/")


def test_no_operation_of_the_api_answers_the_truth_to_another_member(people: dict[str, User | None], blinded: Experiment) -> None:
    other, owner = people["other"], people["owner"]
    assert other
    assert owner
    page = api_of(owner)("GET", f"/experiments/{blinded.pk}/examples")[1]
    assert page["examples"][0]["gold"] in (0, 1)
    values = {"experiment_id": blinded.pk, "example_id": page["examples"][0]["id"], "name": "notes"}
    values["run_id"] = blinded.parts.get(role=Role.CEILING).run.pk
    client = Client(headers={"authorization": f"Bearer {make_token(other)}"})
    refused = set()
    for path, operations in api.get_openapi_schema()["paths"].items():
        wanted = {name for name in ("experiment_id", "example_id", "name", "run_id") if f"{{{name}}}" in path}
        if "get" not in operations or not wanted or path.count("{") > len(wanted):
            continue
        answer = client.get(path.format(**values), {"how": "csv"} if path.endswith("export") else {})
        body = b"" if answer.streaming else answer.content
        assert not [words for words in TEXTS if words.encode() in body], path
        if answer.status_code == 403:
            refused.add(path.partition("{experiment_id}/")[2])
    assert refused == REFUSED_CALLS
    assert api_of(owner)("GET", "/datasets/notes")[1]["report"]["samples"]
    assert api_of(other)("GET", "/datasets/notes")[1]["report"]["samples"] == []


def test_nobody_else_starts_experiments_on_it_or_lifts_the_mark(people: dict[str, User | None], blinded: Experiment) -> None:
    other, admin = people["other"], people["admin"]
    assert other
    assert admin
    body = spec(data={"name": "notes"}, weak=SMALL, strong=SMALL).model_dump(mode="json")
    status, answer = api_of(other)("POST", "/experiments", body)
    assert (status, "only the account that imported it" in json.dumps(answer)) == (403, True)
    assert api_of(other)("PUT", "/datasets/notes/blind", {"blind": False})[0] == 403
    client = Client()
    client.force_login(other)
    assert client.post("/datasets/notes/blind/", {"blind": "0"}).status_code == 403
    assert "blind" in text(client, f"/experiments/{blinded.pk}/")
    assert api_of(admin)("POST", "/experiments", body)[0] == 201
    assert api_of(admin)("PUT", "/datasets/notes/blind", {"blind": False})[0] == 200
    assert api_of(other)("GET", f"/experiments/{blinded.pk}/examples")[0] == 200


def test_another_member_is_handed_out_texts_and_labels_of_a_blind_experiment(
    people: dict[str, User | None], blinded: Experiment
) -> None:
    other = people["other"]
    assert other
    client = Client()
    client.force_login(other)
    assert client.get(f"/experiments/{blinded.pk}/outside/handout/").status_code == 200
    assert "0 of 10 looks at the test set used" in text(client, f"/experiments/{blinded.pk}/outside/")


def test_a_report_of_a_blind_data_set_shows_no_example(people: dict[str, User | None], blinded: Experiment) -> None:
    owner = people["owner"]
    assert owner
    with pytest.raises(Refused, match="The data set is blind"):
        compose(blinded, Choices(examples="all"), owner)
    assert compose(blinded, Choices(examples="none"), owner).name == blinded.name


def test_a_data_set_whose_truth_is_public_cannot_be_blind(people: dict[str, User | None], db: None) -> None:
    admin = people["admin"]
    assert admin
    status, answer = api_of(admin)("PUT", "/datasets/movie-reviews/blind", {"blind": True})
    assert (status, answer["errors"][0]["message"]) == (422, blind.PUBLIC)
