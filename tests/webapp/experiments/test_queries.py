from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from tests.factories import claims
from tests.factories.experiments import finish, finish_all, launched, spec
from training import make_plan
from training.events import MetricLogged, RunStarted
from webapp.experiments import queries, queue, run_stop, services
from webapp.experiments.models import Event, Experiment, Run, Status
from webapp.experiments.pace import seconds_left
from webapp.experiments.progress import Progress, expected_seconds, progress


def test_workers_take_runs_by_launch_and_then_seed_by_seed(owner: User) -> None:
    first, second = launched(owner, seeds=2), launched(owner, name="Later", data={"split_seed": 1})
    taken = []
    while run := claims.claim_next("w"):
        taken.append(run.pk)
        services.give_back(run.pk, run.attempt)
        finish(run)
    plan = [part.run.pk for experiment in (first, second) for part in queries.parts(experiment)]
    assert taken == list(dict.fromkeys(plan))


def test_a_run_that_an_earlier_experiment_wants_too_keeps_its_earlier_place(owner: User) -> None:
    first, second = launched(owner, seeds=2), launched(owner, name="Shares the second seed", seeds=2, methods=[{"kind": "naive"}])
    order = queue.queued_run_ids()
    run_stop.stop_experiment(first, "ada")
    assert set(queue.queued_run_ids()) == set(order)
    assert order == [part.run.pk for part in queries.parts(first) if part.run.pk in order]
    assert second.runs.count() == 6


def trained(owner: User, resumed_from: int, seconds: float) -> tuple[Experiment, Run]:
    """A run of 100 steps that is at step 50, after some seconds of this attempt."""
    experiment = launched(owner)
    run = claims.claim_next("w")
    assert run
    begun = RunStarted(total_steps=100, resumed_from=resumed_from, device="cpu", versions={})
    claims.append_events(run.pk, run.attempt, [begun])
    Event.objects.filter(run=run, payload__kind="started").update(at=timezone.now() - timedelta(seconds=seconds))
    claims.append_events(run.pk, run.attempt, [metric(50)])
    run.refresh_from_db()
    return experiment, run


@pytest.mark.parametrize(("resumed_from", "left"), [(0, 1000), (40, 5000)])
def test_the_time_left_follows_the_steps_that_this_attempt_has_made(owner: User, resumed_from: int, left: float) -> None:
    experiment, run = trained(owner, resumed_from, seconds=1000)
    assert seconds_left(run) == pytest.approx(left, rel=0.01)
    whole = progress(experiment).seconds_left
    assert whole is not None
    assert whole > left, "the other runs take their time too"


def test_before_its_first_steps_nothing_is_measured(owner: User) -> None:
    launched(owner)
    run = claims.claim_next("w")
    assert run
    claims.append_events(run.pk, run.attempt, [RunStarted(total_steps=100, resumed_from=30, device="cpu", versions={})])
    run.refresh_from_db()
    assert seconds_left(run) is None


def metric(step: int) -> MetricLogged:
    return MetricLogged(step=step, loss=0.5, lr=1)


def test_what_earlier_experiments_still_need_comes_before_the_own_time(owner: User) -> None:
    first = launched(owner, seeds=5)
    second = launched(owner, name="Behind", data={"split_seed": 8})
    behind = progress(second).seconds_left
    run_stop.stop_experiment(first, "ada")
    alone = progress(second).seconds_left
    assert behind is not None
    assert alone is not None
    assert behind > 2 * alone


def test_a_finished_experiment_is_wholly_done_and_has_no_time_left(owner: User) -> None:
    experiment = launched(owner)
    finish_all(experiment)
    assert progress(experiment) == Progress(1.0, None)


def test_the_estimate_is_learned_from_three_runs_alike(owner: User) -> None:
    four_seeds = spec(seeds=4)
    plan = make_plan(four_seeds)
    guess = expected_seconds(plan, ())
    experiment = launched(owner, seeds=3)
    finish_all(experiment)
    Run.objects.filter(status=Status.FINISHED).update(seconds=123.0)
    assert set(expected_seconds(plan, ()).values()) == {123.0}
    assert set(guess.values()) != {123.0}


@pytest.mark.embedded("reads a plan of SQLite")
def test_what_a_viewer_may_see_of_a_run_is_found_from_the_run_and_not_from_all_experiments(owner: User) -> None:
    run = launched(owner).runs.all()[0]
    for rows in (queries.visible_runs(owner).filter(pk=run.pk), queries.visible_parts(owner).filter(run=run)):
        assert rows.count() >= 1
        plan = rows.explain()
        assert "SCAN" not in plan
        assert "SEARCH ON TABLE" not in plan, "each experiment would be tried"
