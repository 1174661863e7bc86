"""Runs that a worker claims together: which, in which order, and what each of them costs."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from tests.factories.experiments import launched
from tests.factories.workers import a_worker
from training.events import MetricLogged, RunFailed
from webapp.experiments import budget, queue, services
from webapp.experiments.models import Event, Experiment, Run, Status
from webapp.leases import StaleAttempt

pytestmark = pytest.mark.usefixtures("called")

PROBES = {"weak": {"models": ["minilm-l1"]}, "strong": {"models": ["minilm-l2"]}, "seeds": 3}


def models(runs: list[Run]) -> list[str]:
    return [run.run_spec.model for run in runs]


def test_heads_on_the_same_features_are_claimed_together_and_each_has_its_own_attempt(owner: User) -> None:
    launched(owner, **PROBES)
    launched(User.objects.create_user("grace"), **PROBES | {"data": {"split_seed": 1}})
    expected = [pk for pk in queue.queued_run_ids() if Run.objects.get(pk=pk).run_spec.model == "minilm-l1"]
    runs = services.claim_group("worker@test")
    assert [run.pk for run in runs] == expected, "in the order of the queue, of both people"
    assert len(runs) == 6
    for run in runs:
        stored = Run.objects.get(pk=run.pk)
        assert (stored.status, stored.worker, stored.attempt) == (Status.RUNNING, "worker@test", 1)
        assert run.lease_until
        assert stored.lease_until == run.lease_until > timezone.now()
    second = services.claim_group("other@test")
    assert set(models(second)) == {"minilm-l2"}
    assert len(second) == 6, "students wait for their supervisors"


def test_a_transformer_that_is_tuned_is_claimed_alone_and_long_trainings_are_left_to_other_workers(owner: User) -> None:
    tuned = {"models": ["minilm-l1"], "tuning": "full"}
    launched(owner, weak=tuned, strong={"models": ["minilm-l2"], "tuning": "full"}, seeds=2)
    assert len(services.claim_group("w")) == 1
    Experiment.objects.all().delete()
    Run.objects.all().delete()
    launched(owner, weak={"models": ["minilm-l1"], "epochs": 1000, "batch_size": 8}, strong={"models": ["minilm-l2"]}, seeds=3)
    assert models(services.claim_group("w")) == ["minilm-l1"]


def test_a_run_whose_attempt_broke_off_is_claimed_alone(owner: User) -> None:
    launched(owner, **PROBES)
    lost = services.claim_group("worker@test")
    for run in lost:
        services.lose(run.pk, run.attempt, "its trainer was killed by signal 9", "")
    groups = iter(lambda: [run.pk for run in services.claim_group("worker@test")], [])
    assert sorted(group for group in groups if {run.pk for run in lost} & set(group)) == [[run.pk] for run in lost]


def test_a_worker_that_is_drained_and_a_queue_that_is_paused_give_nothing(owner: User) -> None:
    launched(owner, **PROBES)
    worker = a_worker("worker@test")
    worker.draining = True
    worker.save()
    assert services.claim_group("worker@test") == []
    queue.pause(owner, "maintenance")
    assert services.claim_group("other@test") == []
    queue.resume()
    assert len(services.claim_group("other@test")) == 3


def test_runs_that_were_claimed_together_share_the_cost(owner: User) -> None:
    experiment = launched(owner, **PROBES)
    services.claim_group("worker@test")
    for event in Event.objects.all():
        Event.objects.filter(pk=event.pk).update(at=event.at - timedelta(hours=1))
    Experiment.objects.update(created_at=experiment.created_at - timedelta(hours=2))
    experiment.refresh_from_db()
    assert budget.spent_hours(experiment) == pytest.approx(1, abs=0.01)


def test_an_attempt_that_lost_its_lease_is_left_out_of_what_the_others_renew_and_store(owner: User) -> None:
    launched(owner, **PROBES)
    lost, *held = services.claim_group("worker@test")
    attempts = {run.pk: run.attempt for run in (lost, *held)}
    Run.objects.filter(pk=lost.pk).update(attempt=2)
    Run.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    assert services.renew_together(attempts) == {run.pk: Status.RUNNING for run in held}
    assert set(services.leases.expired()) == {lost}
    metric = MetricLogged(step=1, loss=0.5, lr=1)
    services.append_together(attempts, {run.pk: [metric] for run in (lost, *held)})
    stored = Event.objects.filter(payload__kind="metric").values_list("run", flat=True)
    assert sorted(stored) == sorted(run.pk for run in held)
    failed, *rest = held
    services.append_together(attempts, {failed.pk: [RunFailed(error="The disk is full.")]})
    assert set(services.statuses_of(attempts)) == {run.pk for run in rest}
    with pytest.raises(StaleAttempt):
        services.statuses_of({lost.pk: 1})


def test_models_of_later_runs_whose_features_the_same_pass_computes_go_with_a_claim(owner: User) -> None:
    launched(owner, **PROBES)
    launched(owner, weak={"models": ["bag-of-words"]}, strong={"models": ["minilm-l4"], "pooling": "cls"}, seeds=1)
    launched(owner, weak={"models": ["minilm-l1"]}, strong={"models": ["minilm-l3", "minilm-l5"]}, seeds=1)
    first = services.claim_group("worker@test")[0]
    assert first.run_spec.model == "minilm-l1"
    assert queue.models_beside(first) == ["minilm-l2", "minilm-l3", "minilm-l5"], "of the experiments that need the run"
    words = next(run for run in Run.objects.all() if run.run_spec.model == "bag-of-words")
    assert queue.models_beside(words) == []
    Run.objects.exclude(pk=first.pk).update(status=Status.FINISHED)
    assert queue.models_beside(first) == []
