"""The models and recipes of the form are available to scripts too."""

import json

import pytest
from django.contrib.auth.models import User
from django.test import Client

from training import catalog
from training.recipes import FIRST, names, recipes
from webapp.accounts.tokens import make_token


@pytest.fixture
def client(owner: User) -> Client:
    return Client(headers={"authorization": f"Bearer {make_token(owner)}"})


def test_every_model_that_has_a_name_is_listed_with_what_is_known_of_it(client: Client) -> None:
    listed = {model["name"]: model for model in client.get("/api/v1/models").json()}
    assert set(listed) == {*catalog.MODELS, *catalog.LADDERS}
    embedded = {name for name, entry in catalog.MODELS.items() if not entry.installed_by}
    assert {name for name, model in listed.items() if model["shipped"]} == embedded
    assert listed["gpt2"]["parameters"] == catalog.LADDERS["gpt2"].parameters
    assert set(listed["bag-of-words"]["learning_rates"]) == {"scratch"}


def test_every_shipped_recipe_is_listed_the_first_one_first_and_can_be_posted_as_it_is(client: Client) -> None:
    listed = client.get("/api/v1/recipes").json()
    assert listed[0]["name"] == FIRST
    assert sorted(recipe["name"] for recipe in listed) == names()
    answer = client.post("/api/v1/experiments", json.dumps(listed[0]["spec"]), content_type="application/json")
    assert (answer.status_code, answer.json()["spec"]) == (201, recipes()[FIRST].model_dump(mode="json"))
