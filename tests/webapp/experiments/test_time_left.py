"""The estimated time left follows the runs in training: slower than expected, or standing still."""

from collections.abc import Iterable
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from tests.factories import claims
from tests.factories.experiments import launched
from training.events import Event as RunEvent
from training.events import MetricLogged, Progress, RunStarted
from webapp.experiments import services
from webapp.experiments.models import Event, Experiment, Run
from webapp.experiments.pace import seconds_left
from webapp.experiments.progress import progress
from webapp.findings.wording import time_left

Events = Iterable[tuple[float, RunEvent]]


def at_work(owner: User, events: Events, *, claimed: float) -> Experiment:
    """An experiment whose first run was claimed, and stored its events, the given seconds ago."""
    experiment = launched(owner, seeds=1)
    run = claims.claim_next("worker@test")
    assert run is not None
    now, events = timezone.now(), list(events)
    Run.objects.filter(pk=run.pk).update(started_at=now - timedelta(seconds=claimed))
    claims.append_events(run.pk, run.attempt, [event for _, event in events])
    rows = Event.objects.filter(run=run, payload__kind__in=[event.kind for _, event in events]).order_by("seq")
    for row, (ago, _) in zip(rows, events, strict=True):
        Event.objects.filter(pk=row.pk).update(at=now - timedelta(seconds=ago))
    return experiment


def features(done: int) -> Progress:
    return Progress(phase="features", done=done, total=1000)


def start(steps: int = 1000) -> RunStarted:
    return RunStarted(total_steps=steps, device="cpu", versions={})


def step(number: int) -> MetricLogged:
    return MetricLogged(step=number, loss=0.5, lr=1e-3)


def left(experiment: Experiment) -> float:
    progressed = progress(experiment)
    assert progressed.seconds_left is not None
    assert not progressed.estimating
    return progressed.seconds_left


def test_features_that_take_long_are_expected_to_go_on_at_their_pace(owner: User) -> None:
    """200 of 1,000 rows in 100 s: 400 s more, independent of the cost model."""
    events = [(100 - second, features(2 * second)) for second in range(0, 101, 10)]
    assert left(at_work(owner, events, claimed=103)) > 400


def test_twice_the_time_for_the_same_part_leaves_about_twice_as_much(owner: User) -> None:
    progressed = []
    for slowness in (1, 2):
        events = [(slowness * (50 - second), features(4 * second)) for second in range(0, 51, 10)]
        experiment = at_work(owner, events, claimed=slowness * 50 + 3)
        progressed.append(left(experiment))
        Experiment.objects.all().delete()
        Run.objects.all().delete()
    assert progressed[1] - progressed[0] == pytest.approx(200, rel=0.1)


def test_features_before_the_first_step_are_no_part_of_the_pace_of_the_steps(owner: User) -> None:
    """A hundred seconds of features, then ten steps a second."""
    computing = [(110 - second, features(10 * second)) for second in range(10, 101, 10)]
    steps: Events = [(10 - 0.1 * number, step(number)) for number in range(1, 100)]
    at_work(owner, [(110.0, start()), *computing, *steps], claimed=112)
    (run,) = Run.objects.filter(status="running")
    assert seconds_left(run) == pytest.approx(90, abs=5), "901 steps are left"


def test_runs_that_one_worker_trains_side_by_side_end_together(owner: User) -> None:
    experiment = launched(owner, weak={"models": ["bag-of-words"]}, strong={"models": ["bag-of-words"]}, seeds=5)
    runs, now = services.claim_group("worker@test"), timezone.now()
    assert len(runs) > 5
    for run in runs:
        claims.append_events(run.pk, run.attempt, [start(), *(step(100 * number) for number in range(1, 6))])
        Event.objects.filter(run=run, payload__kind="started").update(at=now - timedelta(seconds=100))
        Event.objects.filter(run=run, payload__kind="metric").update(at=now)
    others = Run.objects.filter(status__in=("waiting", "queued")).count()
    assert left(experiment) == pytest.approx(100 + 200 * others / len(runs), rel=0.15), (
        "half of 200 s, and 200 s for as many others"
    )


def test_a_training_that_is_slower_than_expected_makes_all_that_waits_slower(owner: User) -> None:
    events: Events = [(1000.0, start()), *((1000 - 100 * number, step(10 * number)) for number in range(1, 11))]
    slow = left(at_work(owner, events, claimed=1003))
    assert slow > 9000, "900 steps are left of this run alone, at 10 s each"
    assert slow > 1.5 * 9000, "and the other runs of the experiment are no faster"


def test_what_stands_still_does_not_come_nearer_to_its_end(owner: User) -> None:
    """A step a second, then nothing for 100 s: the time left grows and is not what it was, less 100."""
    events: Events = [(200.0, start(200)), *((200 - number, step(number)) for number in range(1, 101))]
    experiment = at_work(owner, events, claimed=203)
    (run,) = Run.objects.filter(status="running")
    assert run.step == 100
    assert left(experiment) >= 200


def test_while_nothing_shows_a_pace_no_time_is_given(owner: User) -> None:
    """Claimed long ago, without a row of its features."""
    experiment = at_work(owner, [], claimed=3600)
    progressed = progress(experiment)
    assert (progressed.seconds_left, progressed.estimating) == (None, True)
    assert time_left(progressed.seconds_left, estimating=progressed.estimating) == "estimating the time left"


def test_a_download_is_no_pace_of_what_comes_after_it(owner: User) -> None:
    events = [(3600 - 36 * part, Progress(phase="downloading model", done=part, total=100)) for part in range(1, 100)]
    assert progress(at_work(owner, events, claimed=3600)).estimating


def test_a_run_that_has_just_been_claimed_has_the_time_of_the_cost_model(owner: User) -> None:
    assert left(at_work(owner, [], claimed=1)) > 0


def test_an_experiment_that_waits_for_runs_without_a_pace_has_no_estimate_either(owner: User) -> None:
    at_work(owner, [], claimed=3600)
    assert progress(launched(owner, seeds=2, data={"split_seed": 7})).estimating
