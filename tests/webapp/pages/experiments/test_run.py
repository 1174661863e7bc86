"""The page of a run."""

from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from tests.factories import states
from tests.webapp.page_text import text
from training import ExperimentSpec, make_plan
from webapp.pages.experiments.run_settings import settings_of


def test_a_finished_run_says_which_step_was_selected(page: Client, owner: User) -> None:
    run = states.finished(owner).runs.first()
    content = text(page, reverse("run", args=[run.pk]))  # type: ignore[union-attr]
    assert f"at step {states.STEPS:,} of {states.STEPS:,}" in content
    assert "with hindsight" in content


def test_a_run_says_what_it_is_and_who_shares_it(page: Client, owner: User) -> None:
    first = states.finished(owner)
    second = states.launched(owner, "The same again", seeds=1)
    run = second.runs.get(parts__role="weak", parts__experiment=second)
    content = text(page, f"/runs/{run.pk}/")
    assert "Weak supervisor: Bag of words, seed 0 Finished accuracy ." in content
    assert f"#{first.pk} Does a probe exceed its bag-of-words teacher? as weak supervisor" in content
    assert f"#{second.pk} The same again as weak supervisor" in content
    assert run.key in content


def test_a_run_on_images_lists_no_setting_of_models_that_read_texts() -> None:
    images = {"data": {"name": "fashion-mnist"}, "weak": {"models": ["pixels-4x4"]}, "strong": {"models": ["pixels-7x7"]}}
    for run in make_plan(ExperimentSpec.model_validate(images | {"seeds": 1})).runs.values():
        titles = {title for title, _ in settings_of(run)}
        assert "Learning rate" in titles
        assert not {"Longest text", "Precision", "Pooling", "Head initialisation"} & titles
