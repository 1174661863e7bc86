"""Results of experiments: computed once their runs have finished, and again when they are due."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from tests.factories.experiments import finish, finish_all, launched, state_now
from webapp.experiments import results
from webapp.experiments.models import ACTIVE, Experiment, Status


def test_the_result_covers_the_finished_runs_and_is_stored_with_their_keys(owner: User) -> None:
    experiment = launched(owner)
    finish_all(experiment)
    assert experiment.result is not None
    assert experiment.result_runs == sorted(run.key for run in experiment.runs.all())
    assert [group["method"] for group in experiment.result["groups"]] == ["naive", "confidence"]


def test_an_experiment_is_at_rest_only_once_its_result_is_stored(owner: User) -> None:
    experiment = launched(owner)
    while run := experiment.runs.filter(status=Status.QUEUED).first():
        finish(run)
    experiment.refresh_from_db()
    assert experiment.ended_at is not None
    assert state_now(experiment) == "running"
    assert results.refresh_result(experiment) == {experiment.runs.earliest("pk").pk}  # for its open pages
    experiment.refresh_from_db()
    assert state_now(experiment) == "finished"


def test_a_result_in_place_of_one_that_another_process_stored_meanwhile_notifies_nobody(
    owner: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    experiment = launched(owner)
    finish_all(experiment)
    known = results._finished_keys(experiment)
    answers = iter([known[:-1], known])  # a run has finished between the computation and its storage
    monkeypatch.setattr(results, "_finished_keys", lambda _: next(answers))
    assert results.refresh_result(experiment) == set()


def test_a_row_read_before_its_last_run_finished_is_not_called_finished(owner: User) -> None:
    experiment = launched(owner)
    while experiment.runs.filter(status__in=ACTIVE).count() > 1:
        finish(experiment.runs.filter(status=Status.QUEUED)[0])
    results.refresh_result(experiment)
    read_early = Experiment.objects.get(pk=experiment.pk)  # with the result of the runs before the last
    finish(experiment.runs.get(status=Status.QUEUED))
    assert read_early.state == "running"


def test_the_recovery_computes_a_result_that_a_dead_worker_owes(owner: User) -> None:
    experiment = launched(owner)
    while run := experiment.runs.filter(status=Status.QUEUED).first():
        finish(run)
    assert results.refresh_overdue() == set()  # the worker that finished the last run may still compute it
    ended = timezone.now() - timedelta(seconds=results.OVERDUE_SECONDS + 1)
    Experiment.objects.filter(pk=experiment.pk).update(ended_at=ended)
    assert results.refresh_overdue() == {experiment.runs.earliest("pk").pk}
    experiment.refresh_from_db()
    assert experiment.result is not None
    assert state_now(experiment) == "finished"
