"""A model whose package is not installed is on offer, says what installs it, and is never queued."""

import json

import pytest
from django.contrib.auth.models import User
from django.test import Client

from tests.factories.experiments import spec
from tests.webapp.page_text import plain
from tests.webapp.pages.experiments.page_forms import sent
from training import ExperimentSpec
from training.catalog import packages
from training.recipes import recipes
from training.spec import STORED
from webapp.accounts.tokens import make_token
from webapp.experiments.models import Experiment, Run
from webapp.pages.experiments.run_settings import settings_of

NAME = "smollm2-135m-instruct"
COMMAND = "“make decoder” installs it"


@pytest.fixture
def without_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packages, "installed", lambda name: False)


@pytest.fixture
def with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packages, "installed", lambda name: True)


def test_the_form_lists_it_as_not_installed_and_refuses_its_launch_at_the_field(page: Client, without_it: None) -> None:
    assert "SmolLM2 Instruct L30 (not installed)" in plain(page.get("/experiments/new/").content.decode())
    answer = page.post("/experiments/new/", sent(ExperimentSpec(), strong__models=[NAME]))
    html = plain(answer.content.decode())
    assert answer.status_code == 422
    assert "One setting needs a fix: models" in html
    assert COMMAND in html
    assert (Experiment.objects.count(), Run.objects.count()) == (0, 0)


def test_where_it_is_installed_it_is_launched_like_another(page: Client, with_it: None) -> None:
    assert "not installed" not in plain(page.get("/experiments/new/").content.decode())
    page.post("/experiments/new/", sent(spec(strong={"models": [NAME]})))
    run = next(run for run in Run.objects.all() if run.run_spec.model == NAME)
    said = dict(settings_of(run.run_spec))
    assert "4 bits a weight" in said["Weights"]
    assert "HuggingFaceTB/SmolLM2-135M-Instruct, Apache-2.0" in said["Weights"]
    assert not {"Longest answer", "Samples of an answer", "Temperature", "LoRA rank"} & set(said), "a probe writes nothing"
    assert "4 bits a weight" in plain(page.get(f"/runs/{run.pk}/").content.decode())


def test_its_recipe_opens_the_form_which_says_what_is_missing(page: Client, without_it: None) -> None:
    assert NAME in recipes()["small-decoder"].strong.models
    assert COMMAND in plain(page.get("/experiments/new/?recipe=small-decoder").content.decode())


def test_the_api_lists_it_with_the_command_and_refuses_it_with_the_same_sentence(owner: User, without_it: None) -> None:
    client = Client(headers={"authorization": f"Bearer {make_token(owner)}"})
    listed = {model["name"]: model for model in client.get("/api/v1/models").json()}
    assert COMMAND in listed[NAME]["unavailable"]
    assert (listed[NAME]["shipped"], listed["minilm-l1"]["shipped"]) == (False, True)
    assert listed["minilm-l1"]["unavailable"] == ""
    assert "4 bits a weight" in listed[NAME]["note"]
    body = json.dumps({"strong": {"models": [NAME]}})
    answer = client.post("/api/v1/experiments", body, content_type="application/json")
    assert answer.status_code == 422
    (error,) = answer.json()["errors"]
    assert (error["path"], error["message"].endswith(f"{COMMAND}.")) == ("strong.models", True)
    assert Experiment.objects.count() == 0


def test_a_stored_experiment_is_shown_and_says_so_at_its_launch(page: Client, owner: User, without_it: None) -> None:
    stored = ExperimentSpec.model_validate({"strong": {"models": [NAME]}}, context=STORED).model_dump(mode="json")
    models = {"weak_model": "bag-of-words", "strong_model": NAME}
    experiment = Experiment.objects.create(name="Stored", owner=owner, spec=stored, **models)
    assert page.get(f"/experiments/{experiment.pk}/").status_code == 200
    answer = page.post(f"/experiments/{experiment.pk}/launch/", follow=True)
    assert COMMAND in plain(answer.content.decode())
    assert Run.objects.count() == 0
