"""Actions on experiments: what is stored, logged, and sent to the workers."""

import pytest
from django.contrib.auth.models import User
from pydantic import ValidationError

from tests.factories.experiments import spec
from tests.webapp.actions.conftest import Logged
from webapp.actions import experiments
from webapp.audit.models import Entry
from webapp.experiments.lifecycle import AtWork
from webapp.experiments.models import Experiment, Run, Status


def test_a_launch_calls_a_worker_for_each_run_that_can_start(owner: User, called: list[str], logged: Logged) -> None:
    experiment = experiments.create(owner, spec())
    assert called == []
    assert experiments.launch(experiment, owner)
    queued = Run.objects.filter(status=Status.QUEUED).count()
    assert called == ["webapp.jobs.tasks.train"] * queued
    assert logged() == [("ada", "created", "experiment", "A test"), ("ada", "launched", "experiment", "A test")]
    assert Entry.objects.get(verb="launched").details == {"runs": experiment.runs.distinct().count()}


def test_a_launch_without_a_broker_queues_the_runs_and_says_so(owner: User, no_broker: None) -> None:
    experiment = experiments.create(owner, spec())
    assert experiments.launch(experiment, owner) is False
    assert Run.objects.filter(status=Status.QUEUED).exists()


def test_a_stop_says_whether_runs_are_evaluated_and_what_is_at_work_cannot_be_deleted(
    owner: User, called: list[str], logged: Logged
) -> None:
    experiment = experiments.create(owner, spec())
    experiments.launch(experiment, owner)
    with pytest.raises(AtWork, match="Stop it first"):
        experiments.delete(experiment, owner)
    experiments.stop(experiment, owner, evaluate=True)
    assert Entry.objects.get(verb="stopped").details["evaluated"] is True
    experiments.delete(experiment, owner)
    assert Entry.objects.get(verb="deleted").details == {"owner": "ada"}
    assert not Experiment.objects.exists()
    assert [verb for _, verb, _, _ in logged()] == ["created", "launched", "stopped", "deleted"]


def test_a_name_or_budget_that_is_refused_leaves_no_entry(owner: User, logged: Logged) -> None:
    experiment = experiments.create(owner, spec())
    with pytest.raises(ValidationError):
        experiments.rename(experiment, "x" * 1000, owner)
    with pytest.raises(ValueError, match="above zero"):
        experiments.limit(experiment, -1, owner)
    experiments.rename(experiment, "Another name", owner)
    experiments.limit(experiment, 2.5, owner)
    assert [verb for _, verb, _, _ in logged()] == ["created", "renamed", "limited"]
    assert Entry.objects.get(verb="renamed").details == {"before": "A test"}
    assert Entry.objects.get(verb="limited").details == {"hours": 2.5}
