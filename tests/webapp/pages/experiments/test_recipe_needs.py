"""A recipe whose data and labels people bring says so where it is chosen."""

from django.contrib.auth.models import User
from django.test import Client

from tests.factories.api_clients import api_of
from tests.webapp.page_text import plain
from tests.webapp.pages.experiments.page_forms import sent
from training.recipes import recipes

NAME = "imagenet-alexnet-dino"
IMAGES = "The 50,000 validation images of ImageNet are not here, and its terms let nobody pass them on"
LABELS = "There are no labels from outside called “alexnet” here"


def test_the_form_opens_with_the_recipe_and_says_what_is_missing(page: Client) -> None:
    answer = page.get(f"/experiments/new/?recipe={NAME}")
    said = plain(answer.content.decode())
    assert answer.status_code == 200
    assert f"This experiment needs what is not here yet: {IMAGES}" in said
    assert LABELS in said
    assert "This experiment needs" not in plain(page.get("/experiments/new/?recipe=movie-reviews").content.decode())


def test_its_launch_is_refused_at_the_fields(page: Client) -> None:
    answer = page.post("/experiments/new/", sent(recipes()[NAME]))
    said = plain(answer.content.decode())
    assert answer.status_code == 422
    assert IMAGES in said
    assert LABELS in said


def test_the_api_lists_its_needs(owner: User) -> None:
    listed = {recipe["name"]: recipe["needs"] for recipe in api_of(owner)("GET", "/recipes")[1]}
    assert [sentence.partition(":")[0] for sentence in listed[NAME]][:2] == [IMAGES, f"{LABELS}"]
    assert listed["movie-reviews"] == []
