from datetime import timedelta
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from tests.factories import claims
from tests.factories.damage import damaged
from tests.factories.experiments import finish, finish_all, launched, spec, state_now, training_events
from training.events import EVENT, MetricLogged, RunFailed, RunStopped
from webapp.artifact_store import artifact_store
from webapp.experiments import queries, results, run_launch, run_stop, services
from webapp.experiments.fold import fold
from webapp.experiments.models import Event, Experiment, Role, Run, Status
from webapp.leases import StaleAttempt


def statuses(experiment: Experiment) -> list[str]:
    return [part.run.status for part in queries.parts(experiment)]


def by_role(experiment: Experiment, role: str) -> Run:
    part = experiment.parts.filter(role=role).first()
    assert part
    return part.run


def test_a_launch_queues_what_can_start_and_lets_students_wait_for_their_supervisor(owner: User) -> None:
    experiment = launched(owner)
    assert statuses(experiment) == [Status.QUEUED, Status.QUEUED, Status.WAITING, Status.WAITING]


def test_a_finished_supervisor_releases_its_students(owner: User) -> None:
    experiment = launched(owner)
    changed = finish(by_role(experiment, "weak"))
    assert statuses(experiment) == [Status.FINISHED, Status.QUEUED, Status.QUEUED, Status.QUEUED]
    assert len(changed) == 3


def test_a_run_that_waits_keeps_its_weights_once_any_experiment_asks_for_them(owner: User) -> None:
    first, second, third = launched(owner), launched(owner, keep_weights=True), launched(owner)
    assert {run.pk for run in first.runs.all()} == {run.pk for run in second.runs.all()} == {run.pk for run in third.runs.all()}
    assert all(run.run_spec.keep_weights for run in first.runs.all())
    assert all(run.run_spec.key() == run.key for run in first.runs.all())


def test_an_experiment_shares_the_runs_of_an_earlier_experiment(owner: User) -> None:
    first = launched(owner, methods=[{"kind": "naive"}])
    finish_all(first)
    second = services.create(owner, spec())
    preview = queries.preview(second.experiment_spec)
    assert (preview.requested, preview.unique, preview.to_run) == (6, 4, 1)
    run_launch.launch(second)
    assert statuses(second).count(Status.FINISHED) == 3
    assert Run.objects.count() == 4


def test_an_identical_experiment_trains_nothing_and_has_its_result_at_once(owner: User) -> None:
    first = launched(owner)
    finish_all(first)
    second = services.create(owner, spec(name="Again"))
    assert queries.preview(second.experiment_spec).to_run == 0
    assert run_launch.launch(second) == set()
    results.refresh_result(second)
    second.refresh_from_db()
    assert state_now(second) == "finished"
    assert second.result == first.result
    assert second.ended_at is not None


@pytest.mark.embedded("a preview asks a shared store for no file; a launch does")
def test_a_finished_run_whose_predictions_are_gone_is_trained_again(owner: User) -> None:
    experiment = launched(owner)
    finish_all(experiment)
    run = by_role(experiment, "ceiling")
    damaged(artifact_store().run(run.key) / "predictions.parquet", Path.unlink)
    assert queries.preview(experiment.experiment_spec).to_run == 1
    assert run_launch.launch(experiment) == {run.pk}


def test_a_failed_supervisor_fails_its_students_with_the_reason(owner: User) -> None:
    experiment = launched(owner)
    weak = by_role(experiment, "weak")
    claimed = claims.claim(weak.pk, "w")
    assert claimed
    claims.append_events(weak.pk, claimed.attempt, [RunFailed(error="The disk is full.", log="last words")])
    student = by_role(experiment, "student")
    assert student.status == Status.FAILED
    assert "The disk is full." in student.error
    assert state_now(experiment) == "running"  # the ceiling still waits in the queue
    finish_all(experiment)
    assert state_now(experiment) == "failed"


def test_launching_again_takes_up_what_failed_or_was_stopped(owner: User) -> None:
    experiment = launched(owner)
    run_stop.stop_experiment(experiment, "ada")
    experiment.refresh_from_db()
    assert state_now(experiment) == "stopped"
    run_launch.launch(experiment)
    experiment.refresh_from_db()
    assert statuses(experiment) == [Status.QUEUED, Status.QUEUED, Status.WAITING, Status.WAITING]
    assert (experiment.stopped_at, experiment.ended_at) == (None, None)


def test_a_single_worker_gets_the_lease_and_a_second_delivery_gets_nothing(owner: User) -> None:
    run = by_role(launched(owner), "weak")
    assert claims.claim(run.pk, "one") is not None
    assert claims.claim(run.pk, "two") is None


def test_events_of_an_attempt_that_lost_its_lease_are_refused(owner: User) -> None:
    run = by_role(launched(owner), "weak")
    old = claims.claim(run.pk, "one")
    assert old
    Run.objects.filter(pk=run.pk).update(lease_until=timezone.now() - timedelta(seconds=1))
    services.take_back(run.pk)
    new = claims.claim(run.pk, "two")
    assert new
    before = Event.objects.filter(run=run).count()
    assert claims.append_events(run.pk, old.attempt, [MetricLogged(step=1, loss=0.5, lr=1)]) == set()
    with pytest.raises(StaleAttempt):
        services.renew(run.pk, old.attempt)
    assert Event.objects.filter(run=run).count() == before
    assert services.renew(run.pk, new.attempt) == Status.RUNNING


def test_an_expired_lease_sends_the_run_back_to_the_queue_and_says_so(owner: User) -> None:
    run = by_role(launched(owner), "weak")
    claims.claim(run.pk, "worker@dead")
    assert services.take_back_expired() == set()
    Run.objects.filter(pk=run.pk).update(lease_until=timezone.now() - timedelta(seconds=1))
    assert services.take_back_expired() == {run.pk}
    run.refresh_from_db()
    assert run.status == Status.QUEUED
    assert [event["kind"] for event in queries.events_after(run.pk, 0)] == ["queued", "claimed", "lost", "queued"]


def test_a_run_that_loses_three_workers_is_given_up(owner: User) -> None:
    run = by_role(launched(owner), "weak")
    for _ in range(3):
        claims.claim(run.pk, "worker@dead")
        Run.objects.filter(pk=run.pk).update(lease_until=timezone.now() - timedelta(seconds=1))
        services.take_back_expired()
    run.refresh_from_db()
    assert run.status == Status.FAILED
    assert run.error == "3 attempts broke off, the last one because worker@dead gave no sign of life."


def test_workers_that_shut_down_in_order_may_do_so_as_often_as_they_like(owner: User) -> None:
    run = by_role(launched(owner), "weak")
    for _ in range(5):
        claimed = claims.claim(run.pk, "w")
        assert claimed
        services.give_back(run.pk, claimed.attempt)
    run.refresh_from_db()
    assert run.status == Status.QUEUED


def test_a_stop_is_requested_from_the_trainer_and_its_events_stay(owner: User) -> None:
    experiment = launched(owner)
    weak = by_role(experiment, "weak")
    claimed = claims.claim(weak.pk, "w")
    assert claimed
    claims.append_events(weak.pk, claimed.attempt, training_events())
    run_stop.stop_experiment(experiment, "ada")
    assert state_now(experiment) == "stopping"
    assert services.renew(weak.pk, claimed.attempt) == Status.STOPPING
    claims.append_events(weak.pk, claimed.attempt, [RunStopped(step=20)])
    weak.refresh_from_db()
    assert (weak.status, weak.step) == (Status.STOPPED, 20)
    assert statuses(experiment) == [Status.STOPPED] * 4
    experiment.refresh_from_db()
    assert state_now(experiment) == "stopped"


def test_a_run_that_another_experiment_needs_is_not_stopped(owner: User) -> None:
    first, second = launched(owner), launched(owner, name="Shares all", methods=[{"kind": "naive"}])
    run_stop.stop_experiment(first, "ada")
    assert statuses(second) == [Status.QUEUED, Status.QUEUED, Status.WAITING]
    assert statuses(first).count(Status.STOPPED) == 1


def test_a_run_wanted_again_while_it_stops_goes_back_to_the_queue(owner: User) -> None:
    first = launched(owner)
    weak = by_role(first, "weak")
    claimed = claims.claim(weak.pk, "w")
    assert claimed
    run_stop.stop_experiment(first, "ada")
    second = launched(owner, name="Wants it")
    claims.append_events(weak.pk, claimed.attempt, [RunStopped(step=3)])
    weak.refresh_from_db()
    assert weak.status == Status.QUEUED
    assert Status.WAITING in statuses(second)


def test_the_state_of_a_run_is_the_fold_of_its_events(owner: User) -> None:
    experiment = launched(owner)
    finish_all(experiment)
    for run in experiment.runs.all():
        folded = Run(key=run.key, spec=run.spec)
        for event in Event.objects.filter(run=run):
            fold(folded, EVENT.validate_python(event.payload), event.at)
        names = ("status", "worker", "step", "total_steps", "accuracy", "seconds", "error", "started_at", "ended_at", "queued_at")
        assert {name: getattr(folded, name) for name in names} == {name: getattr(run, name) for name in names}


def test_event_numbers_have_no_gaps(owner: User) -> None:
    experiment = launched(owner)
    finish_all(experiment)
    for run in experiment.runs.all():
        assert [event["seq"] for event in queries.events_after(run.pk, 0)] == list(range(1, run.last_seq + 1))


def test_runs_that_wait_for_a_stopped_run_stop_with_it_and_are_not_queued_without_it(owner: User) -> None:
    experiment = launched(owner)
    run_stop.stop_experiment(experiment, "ada")
    run_launch.launch(experiment)  # now the runs were asked to stop once, before this launch
    weak = experiment.runs.filter(parts__role=Role.WEAK).distinct().get()
    run_stop.stop_run(weak, "ada")
    assert set(weak.needed_by.values_list("status", flat=True)) == {Status.STOPPED}


def test_a_single_run_that_others_wait_for_is_stopped(owner: User) -> None:
    weak = launched(owner).runs.filter(parts__role=Role.WEAK).distinct().get()
    changed = run_stop.stop_run(weak, "ada")
    assert changed == {weak.pk, *weak.needed_by.values_list("pk", flat=True)}


@pytest.mark.parametrize("hours", [-5, 5])
def test_a_lease_depends_on_no_process_s_clock(owner: User, monkeypatch: pytest.MonkeyPatch, hours: int) -> None:
    """The clocks of a worker and then of the recovery are some hours off."""
    launched(owner)
    true = timezone.now
    monkeypatch.setattr(timezone, "now", lambda: true() + timedelta(hours=hours))
    run = claims.claim_next("worker@elsewhere")
    assert run is not None
    assert services.renew(run.pk, run.attempt) == Status.RUNNING
    assert services.take_back_expired() == set()
    monkeypatch.setattr(timezone, "now", true)
    assert services.take_back_expired() == set()
    run.refresh_from_db()
    assert run.lease_until is not None
    assert run.started_at is not None
    assert abs((run.started_at - true()).total_seconds()) < 60
    Run.objects.filter(pk=run.pk).update(lease_until=true() - timedelta(seconds=1))
    monkeypatch.setattr(timezone, "now", lambda: true() + timedelta(hours=hours))
    assert run.pk in services.take_back_expired()


def test_a_run_whose_trainer_was_killed_goes_on_and_is_given_up_at_the_third_time(owner: User) -> None:
    run = by_role(launched(owner), Role.WEAK)
    for attempt in (1, 2, 3):
        assert claims.claim(run.pk, "worker@test") is not None
        assert services.lose(run.pk, attempt + 1, "a wrong attempt", "") == set()
        assert run.pk in services.lose(run.pk, attempt, "its trainer was killed by signal 9", "Killed")
    run.refresh_from_db()
    assert (run.status, run.log) == (Status.FAILED, "Killed")
    assert run.error == "3 attempts broke off, the last one because its trainer was killed by signal 9."
    kinds = [event["kind"] for event in queries.events_after(run.pk, 0)]
    assert kinds == ["queued", *["claimed", "lost", "queued"] * 2, "claimed", "lost", "failed"]


def test_a_run_that_is_to_stop_is_stopped_when_its_trainer_is_killed(owner: User) -> None:
    experiment = launched(owner)
    run = by_role(experiment, Role.WEAK)
    assert claims.claim(run.pk, "worker@test") is not None
    run_stop.stop_run(run, "ada")
    services.lose(run.pk, 1, "its trainer was killed by signal 9", "")
    run.refresh_from_db()
    assert run.status == Status.STOPPED
