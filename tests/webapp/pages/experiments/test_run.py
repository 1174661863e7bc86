"""The page of a run."""

from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from tests.webapp.pages import scenes
from tests.webapp.pages.page_text import text


def test_a_finished_run_says_which_step_was_selected(page: Client, owner: User) -> None:
    run = scenes.finished(owner).runs.first()
    found = text(page, reverse("run", args=[run.pk]))  # type: ignore[union-attr]
    assert f"at step {scenes.STEPS:,} of {scenes.STEPS:,}" in found
    assert "with hindsight" in found


def test_a_run_says_what_it_is_and_who_shares_it(page: Client, owner: User) -> None:
    first = scenes.finished(owner)
    second = scenes.launched(owner, "The same again", seeds=1)
    run = second.runs.get(parts__role="weak", parts__experiment=second)
    found = text(page, f"/runs/{run.pk}/")
    assert "Weak supervisor: Bag of words, seed 0 Finished accuracy ." in found
    assert f"#{first.pk} Does a probe exceed its bag-of-words teacher? as weak supervisor" in found
    assert f"#{second.pk} The same again as weak supervisor" in found
    assert run.key in found
