"""Thumbnails in the API: for everybody who may read the example, and for nobody else."""

from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.test import Client

from tests.factories import images
from tests.factories.explored_experiments import explored, ids_of
from tests.factories.lab_clients import lab_client
from tests.webapp.permissions import client_of, shared
from training.client import Refused
from webapp.accounts.tokens import make_token
from webapp.api.urls import api
from webapp.experiments.models import Experiment


@pytest.fixture
def experiment(owner: User, tmp_path: Path) -> Experiment:
    name = images.in_library(tmp_path)
    return explored(owner, data={"name": name}, weak={"models": ["pixels-4x4"]}, strong={"models": ["pixels-7x7"]}, seeds=1)


def address(experiment: Experiment) -> str:
    return f"/api/v1/experiments/{experiment.pk}/examples/{ids_of('test', 'shades')[0]}/picture"


def test_it_is_answered_to_who_may_read_the_example_and_to_nobody_else(
    people: dict[str, User | None], experiment: Experiment
) -> None:
    statuses = {}
    for person, user in people.items():
        client = Client(headers={"authorization": f"Bearer {make_token(user)}"} if user else {})
        statuses[person] = client.get(address(experiment)).status_code
    assert statuses == {"anonymous": 401, "share visitor": 401, "viewer": 200, "owner": 200, "other": 200, "admin": 200}


def test_a_visitor_of_a_share_sees_the_thumbnails_of_its_copy_and_not_those_of_the_api(
    owner: User, experiment: Experiment
) -> None:
    share = shared(experiment, owner)
    visitor = client_of("share visitor", None, share)
    example = ids_of("test", "shades")[0]
    answer = visitor.get(f"/shared/{share.slug}/examples/{example}/picture/")
    assert (answer.status_code, answer["Content-Type"]) == (200, "image/png")
    assert visitor.get(f"/shared/{share.slug}/examples/{ids_of('transfer', 'shades')[0]}/picture/").status_code == 404
    assert visitor.get(address(experiment)).status_code == 401


def test_the_client_returns_the_file_and_says_where_there_is_none(owner: User, experiment: Experiment) -> None:
    texts = explored(owner, seeds=1)
    with lab_client(owner) as lab:
        content = lab.experiment(experiment.pk).picture(ids_of("test", "shades")[0])
        with pytest.raises(Refused, match="no image"):
            lab.experiment(texts.pk).picture(ids_of("test")[0])
    assert content.startswith(b"\x89PNG")


def test_the_reference_says_that_the_answer_is_an_image() -> None:
    operation = api.get_openapi_schema()["paths"]["/api/v1/experiments/{experiment_id}/examples/{example_id}/picture"]["get"]
    assert {"image/png", "image/jpeg"} <= set(operation["responses"][200]["content"])


def test_examples_of_images_have_a_name_and_no_number_of_words(owner: User, experiment: Experiment) -> None:
    client = Client(headers={"authorization": f"Bearer {make_token(owner)}"})
    page = client.get(f"/api/v1/experiments/{experiment.pk}/examples").json()
    assert {example["words"] for example in page["examples"]} == {None}
    assert page["examples"][0]["text"].endswith(".png")
    head = client.get(f"/api/v1/experiments/{experiment.pk}/examples/export?how=csv")
    assert "words" not in b"".join(head).decode().splitlines()[0].split(",")
