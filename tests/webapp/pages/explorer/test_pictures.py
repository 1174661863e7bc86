"""Thumbnails of an experiment on images: in the list, on the page of an example, in a frozen copy, and alone."""

import io
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.test import Client
from PIL import Image

from tests.factories import images
from tests.factories.explored_experiments import explored, ids_of
from webapp.archives.export import write
from webapp.example_queries.pictures import picture
from webapp.experiments.models import Experiment
from webapp.explorer.example_source import TEXTS
from webapp.explorer.finished_models import FinishedModels
from webapp.explorer.frozen_copy import freeze, thawed
from webapp.explorer.picture import picture_of


@pytest.fixture
def experiment(owner: User, tmp_path: Path) -> Experiment:
    name = images.in_library(tmp_path)
    data = {"name": name}
    return explored(owner, data=data, weak={"models": ["pixels-4x4"]}, strong={"models": ["pixels-7x7"]}, seeds=1)


@pytest.fixture
def first() -> int:
    return ids_of("test", "shades")[0]


def test_a_thumbnail_is_a_picture_and_nothing_else_to_a_browser(client: Client, experiment: Experiment, first: int) -> None:
    answer = client.get(f"/experiments/{experiment.pk}/examples/{first}/picture/")
    assert answer.status_code == 200
    assert (answer["Content-Type"], answer["X-Content-Type-Options"]) == ("image/png", "nosniff")
    assert answer["Content-Security-Policy"] == "default-src 'none'; sandbox; frame-ancestors 'none'"
    assert Image.open(io.BytesIO(answer.content)).size == (12, 10)


def test_nobody_without_an_account_sees_a_thumbnail_and_an_unknown_example_has_none(
    client: Client, experiment: Experiment, first: int
) -> None:
    assert client.get(f"/experiments/{experiment.pk}/examples/1/picture/").status_code == 404
    assert Client().get(f"/experiments/{experiment.pk}/examples/{first}/picture/").status_code == 302


def test_examples_of_texts_have_no_thumbnail(client: Client, owner: User) -> None:
    experiment = explored(owner, seeds=1)
    assert client.get(f"/experiments/{experiment.pk}/examples/{ids_of('test')[0]}/picture/").status_code == 404
    assert "/picture/" not in client.get(f"/experiments/{experiment.pk}/examples/").content.decode()


def test_the_list_and_the_page_of_an_example_show_thumbnails_with_words_for_them(
    client: Client, experiment: Experiment, first: int
) -> None:
    listed = client.get(f"/experiments/{experiment.pk}/examples/").content.decode()
    assert listed.count('loading="lazy"') == 50
    page = client.get(f"/experiments/{experiment.pk}/examples/{first}/").content.decode()
    assert f'src="/experiments/{experiment.pk}/examples/{first}/picture/"' in page
    assert f'alt="Image of example {first}"' in page
    assert "There is no word importance" in page


def test_a_frozen_copy_has_the_thumbnails_of_its_examples_and_no_whole_image(
    experiment: Experiment, tmp_path: Path, first: int
) -> None:
    write(experiment, tmp_path / "archive")
    freeze(FinishedModels(experiment), tmp_path / "examples", [first])
    finished = thawed(tmp_path / "archive", tmp_path / "examples")
    assert picture_of(finished, first).content == picture_of(FinishedModels(experiment), first).content
    with pytest.raises(LookupError):
        picture(tmp_path / "examples" / TEXTS, ids_of("test", "shades")[1])
