"""The recipe of the vision protocol says in sentences what it needs and does not have."""

from pathlib import Path

import pytest

from training.cli.main import main
from training.recipes import needs, recipes

NAME = "imagenet-alexnet-dino"
IMAGES = "The 50,000 validation images of ImageNet are not here, and its terms let nobody pass them on"
LABELS = "There are no labels from outside called “alexnet” here"


@pytest.fixture(autouse=True)
def library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATASETS_DIR", str(tmp_path / "library"))


def test_planning_without_images_and_labels_names_both(capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["plan", NAME]) == 2
    said = capfd.readouterr().err.splitlines()
    assert any(line.startswith(f"data.name: {IMAGES}") for line in said)
    assert any(line.startswith(f"weak.models: {LABELS}") for line in said)


def test_its_needs_are_images_labels_and_a_model_of_the_hub() -> None:
    images, labels, model = needs(recipes()[NAME])
    assert images.startswith(IMAGES)
    assert labels.startswith(LABELS)
    assert model == "dino-vitb8 is downloaded from the Hub (facebook/dino-vitb8), unless it is on this machine."


def test_a_recipe_of_what_ships_needs_nothing() -> None:
    assert list(needs(recipes()["movie-reviews"])) == []
