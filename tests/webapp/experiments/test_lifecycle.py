"""Renaming and deleting an experiment: others keep their runs, and an experiment at work is not deleted."""

import pytest
from django.contrib.auth.models import User
from pydantic import ValidationError

from tests.factories.experiments import finish_all, launched
from webapp.experiments import lifecycle, results, run_stop
from webapp.experiments.models import Experiment, Run, Status


def test_a_new_name_is_in_the_record_and_in_the_spec(owner: User) -> None:
    experiment = launched(owner)
    lifecycle.rename(experiment, "  Another name ")
    experiment.refresh_from_db()
    assert experiment.name == experiment.experiment_spec.name == "Another name"


@pytest.mark.parametrize("name", ["", "  ", "x" * 121])
def test_a_name_that_no_spec_may_have_is_refused_and_nothing_changes(owner: User, name: str) -> None:
    experiment = launched(owner)
    with pytest.raises(ValidationError):
        lifecycle.rename(experiment, name)
    experiment.refresh_from_db()
    assert experiment.name == "A test"


def test_deleting_an_experiment_leaves_another_with_its_runs_and_its_result(owner: User) -> None:
    first, other = launched(owner), launched(owner, name="The same runs")
    finish_all(first)
    results.refresh_result(other)
    other.refresh_from_db()
    keys, result = set(other.runs.values_list("key", flat=True)), other.result
    lifecycle.delete(first)
    other.refresh_from_db()
    assert not Experiment.objects.filter(name="A test").exists()
    assert set(other.runs.values_list("key", flat=True)) == keys
    assert other.result == result is not None


def test_runs_outlive_their_experiment_and_are_done_for_the_next_launch(owner: User) -> None:
    experiment = launched(owner)
    finish_all(experiment)
    lifecycle.delete(experiment)
    assert set(launched(owner).runs.values_list("status", flat=True)) == {Status.FINISHED}


def test_what_is_at_work_is_not_deleted_until_it_was_stopped(owner: User) -> None:
    experiment = launched(owner)
    with pytest.raises(lifecycle.AtWork, match="Stop it first"):
        lifecycle.delete(experiment)
    run_stop.stop_experiment(experiment, "ada")
    lifecycle.delete(experiment)
    assert not Experiment.objects.exists()
    assert set(Run.objects.values_list("status", flat=True)) == {Status.STOPPED}


def test_a_result_that_is_due_for_a_deleted_experiment_is_nobody_s_error(owner: User) -> None:
    experiment = launched(owner)
    finish_all(experiment)
    gone = Experiment.objects.get(pk=experiment.pk)
    lifecycle.delete(experiment)
    results.refresh_result(gone)
    assert not Experiment.objects.exists()
