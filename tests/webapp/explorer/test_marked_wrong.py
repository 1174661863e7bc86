"""The result without examples that are marked wrong stands beside the original and never replaces it."""

import numpy as np
import pytest
from django.contrib.auth.models import User
from django.test import Client

from tests.factories.explored_experiments import explored, ids_of
from webapp.artifact_store import artifact_store
from webapp.experiments.models import Experiment
from webapp.explorer.marked_wrong import marked
from webapp.notes import services
from webapp.notes.models import WRONG


@pytest.fixture
def experiment(owner: User) -> Experiment:
    return explored(owner, seeds=2)


def mark(owner: User, experiment: Experiment, examples: list[int]) -> None:
    for example in examples:
        services.tag(owner, experiment.runs.all()[0].run_spec.fingerprint, example, WRONG)


def test_the_numbers_are_those_of_the_other_examples_alone(experiment: Experiment, owner: User) -> None:
    wrong = ids_of("test")[:40]
    mark(owner, experiment, [*wrong, *ids_of("transfer")[:5]])
    marked_result = marked(experiment)
    assert marked_result.examples == sorted(wrong)
    assert marked_result.result is not None
    for before, outcome in zip(marked_result.original.triplets, marked_result.result.triplets, strict=True):
        part = artifact_store().read_predictions(outcome.student_run).part("test")
        assert outcome.student == pytest.approx(part.right[~np.isin(part.id, wrong)].mean())
        assert before.student == pytest.approx(part.right.mean())
    assert marked_result.result.test_rows == 260


def test_the_result_itself_stays_and_both_are_shown_beside_each_other(experiment: Experiment, owner: User) -> None:
    before = experiment.result
    mark(owner, experiment, ids_of("test")[:40])
    client = Client()
    client.force_login(owner)
    page = client.get(f"/experiments/{experiment.pk}/examples/marked/").content.decode()
    assert "40 test examples of 300" in page
    assert "Without the marked" in page
    experiment.refresh_from_db()
    assert experiment.result == before


def test_without_a_mark_there_is_nothing_to_compute(experiment: Experiment, owner: User) -> None:
    assert marked(experiment).result is None
    client = Client()
    client.force_login(owner)
    assert "No test example has the tag" in client.get(f"/experiments/{experiment.pk}/examples/marked/").content.decode()


def test_when_all_are_marked_that_is_said(experiment: Experiment, owner: User) -> None:
    mark(owner, experiment, ids_of("test"))
    client = Client()
    client.force_login(owner)
    page = client.get(f"/experiments/{experiment.pk}/examples/marked/").content.decode()
    assert "cannot be computed without the marked examples" in page
