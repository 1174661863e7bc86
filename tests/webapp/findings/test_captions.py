"""Captions state the intervals, seeds and steps that the result has."""

import re

import pytest
from django.contrib.auth.models import User
from django.test import Client

from tests.factories.experiments import finish, finish_all, launched
from webapp.experiments import results
from webapp.experiments.models import Experiment, Run
from webapp.findings.wording import sources
from webapp.reports.choices import Choices
from webapp.reports.composition import compose

OVER_SEEDS = re.compile(r"over (test )?(examples|seeds) and seeds|variation over seeds, where|means? over|bands? over seeds")


@pytest.mark.parametrize(
    ("seeds", "words"),
    [
        ([1, 1], "test examples alone, of one seed"),
        ([2, 5], "test examples and seeds"),
        ([1, 3], "test examples and, where there are several, seeds"),
    ],
)
def test_intervals_are_over_seeds_where_there_are_several(seeds: list[int], words: str) -> None:
    assert sources(seeds) == words


def said(experiment: Experiment, owner: User, client: Client) -> tuple[str, str]:
    """Return the page, and all text of the report about intervals and curves."""
    client.force_login(owner)
    page = client.get(f"/experiments/{experiment.pk}/").content.decode()
    paper = compose(experiment, Choices(), owner)
    captions = [chart.caption for chart in paper.charts.values()]
    return page, " ".join([*captions, *(paragraph.text for paragraph in paper.method if paragraph.title == "Statistics")])


def test_a_result_of_a_single_seed_has_no_interval_over_seeds(owner: User, client: Client) -> None:
    experiment = launched(owner)
    finish_all(experiment)
    page, report = said(experiment, owner, client)
    assert "mean of 1 seed, 95% intervals over test examples alone, of one seed" in page
    assert not OVER_SEEDS.search(page)
    assert "Accuracies are of one seed." in report
    assert "They do not cover the variation over seeds" in report
    assert not OVER_SEEDS.search(report)


def test_a_result_with_a_single_complete_seed_mentions_that_seed_alone(owner: User, client: Client) -> None:
    experiment = launched(owner, seeds=2, methods=[{"kind": "naive"}])
    for role in ("weak", "ceiling", "student"):
        finish(Run.objects.get(key=experiment.triplets[0][role]))
    results.refresh_result(experiment)
    experiment.refresh_from_db()
    page, report = said(experiment, owner, client)
    assert "mean of 1 seed, 95% intervals over test examples alone, of one seed" in page
    assert "Accuracies are of one seed." in report


def test_a_result_of_several_seeds_says_so(owner: User, client: Client) -> None:
    experiment = launched(owner, seeds=3)
    finish_all(experiment)
    page, report = said(experiment, owner, client)
    assert "mean of 3 seeds, 95% intervals over test examples and seeds" in page
    assert "Accuracies are means over 3 seeds." in report


@pytest.mark.parametrize(
    ("weak", "strong", "words"),
    [
        ("validation", "validation", "each run at the best validation step, curves to the last"),
        ("last", "last", "each run at the last step"),
        (
            "last",
            "validation",
            "supervisors at the last step, students and ceilings at the best validation step, curves to the last",
        ),
    ],
)
def test_the_table_says_which_step_its_accuracies_are_of(owner: User, client: Client, weak: str, strong: str, words: str) -> None:
    """The curves of the same page end at the last step and so show other numbers."""
    experiment = launched(owner, weak={"stop": weak}, strong={"stop": strong})
    finish_all(experiment)
    page, report = said(experiment, owner, client)
    assert words in page
    assert "to the last step" in page
    assert "Lines end at the last step; tables are at the step that the stop rule selected" in report
