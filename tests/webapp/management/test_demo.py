"""The demo launches the recipe of a name as a form would, or says what it lacks."""

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError

from training.catalog import packages
from training.spec.methods import Confidence
from webapp.management.commands.demo import Command

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("called")]


def test_a_recipe_has_the_threshold_of_its_number_of_classes(owner: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packages, "installed", lambda package: True)
    methods = Command()._launch("fashion-pixels").experiment_spec.methods
    assert [method.threshold for method in methods if isinstance(method, Confidence)] == ["balanced"]


def test_a_recipe_whose_images_are_not_here_is_refused_in_a_sentence(owner: User) -> None:
    with pytest.raises(CommandError, match="validation images of ImageNet are not here"):
        Command()._launch("imagenet-alexnet-dino")
