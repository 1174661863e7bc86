"""The order of the queue: priorities, turns, moves of one's own experiments, and a pause."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from tests.factories import claims
from tests.factories.experiments import finish, launched
from webapp.experiments import queue, services
from webapp.experiments.models import Experiment, Priority, Run, Status
from webapp.experiments.queue import Place, in_order

NOON = datetime(2026, 11, 26, 12, tzinfo=UTC)
ADA, GRACE, ALAN = 1, 2, 3


def place(run: int, owner: int = ADA, experiment: int = 0, **changes: Any) -> Place:
    """Runs are launched in the order of their numbers."""
    usual: dict[str, Any] = {"priority": 0, "place": 0, "launched": NOON + timedelta(minutes=run), "position": 0}
    return Place(run=run, owner=owner, experiment=experiment or owner, **usual | changes)


def order(
    places: Sequence[Place], training: dict[int, int] | None = None, started: dict[int, datetime] | None = None
) -> list[int]:
    return [item.run for item in in_order(places, training or {}, started or {})]


def test_a_higher_priority_comes_first_whoever_has_it_and_whenever_it_was_launched() -> None:
    assert order([place(1), place(2, priority=-1), place(3, GRACE, priority=1), place(4, priority=1)]) == [3, 4, 1, 2]


def test_among_equal_priorities_people_take_turns() -> None:
    own, hers, his = [place(run) for run in (1, 2, 3, 4)], [place(run, GRACE) for run in (5, 6)], [place(7, ALAN)]
    assert order([*own, *hers, *his]) == [1, 5, 7, 2, 6, 3, 4]


def test_whoever_has_more_in_training_comes_later() -> None:
    assert order([place(1), place(2), place(3, GRACE)], {ADA: 2}) == [3, 1, 2]


def test_with_a_single_worker_the_owner_whose_last_start_is_longer_ago_is_next() -> None:
    both = [place(1), place(2), place(3, GRACE), place(4, GRACE)]
    assert order(both, started={ADA: NOON}) == [3, 1, 4, 2]
    assert order(both, started={ADA: NOON, GRACE: NOON + timedelta(hours=1)}) == [1, 3, 2, 4]


def test_ones_own_runs_are_in_the_order_of_experiments_and_then_of_the_plan() -> None:
    early, late = NOON, NOON + timedelta(hours=1)
    places = [
        place(1, experiment=5, launched=late, position=1),
        place(2, experiment=5, launched=late, position=0),
        place(3, experiment=6, launched=early, position=7),
        place(4, experiment=7, launched=late + timedelta(hours=1), place=-1),
    ]
    assert order(places) == [4, 3, 2, 1]


def test_a_run_that_several_need_has_the_best_of_its_places() -> None:
    shared = [place(9, ADA, launched=NOON + timedelta(hours=9)), place(9, GRACE, priority=1)]
    assert order([place(1), *shared, place(2, GRACE)]) == [9, 1, 2]


def claimed(times: int) -> list[int]:
    """Have workers take and finish runs one after the other; return the owners of their experiments."""
    taken = []
    for _ in range(times):
        run = claims.claim_next("worker@test")
        assert run is not None
        taken.append(run.experiments.get().owner_id)
        services.give_back(run.pk, run.attempt)
        finish(run)
    return taken


def test_workers_take_turns_between_people_and_a_high_priority_overtakes(owner: User) -> None:
    other = User.objects.create_user("grace")
    launched(owner, seeds=2)
    theirs = launched(other, seeds=2, data={"split_seed": 1})
    first, second = owner.pk, other.pk
    assert claimed(4) == [first, second, first, second]
    queue.prioritize(theirs, Priority.HIGH)
    assert set(claimed(3)) == {second}


def first_of(experiments: Sequence[Experiment]) -> list[int]:
    taken = [item.experiment for item in queue.places()]
    return list(dict.fromkeys(taken))


def test_an_experiment_is_moved_among_those_of_its_owner(owner: User) -> None:
    own = [launched(owner, data={"split_seed": seed}) for seed in range(4)]
    a, b, c, d = (experiment.pk for experiment in own)
    queue.move(own[3], "first")
    assert first_of(own) == [d, a, b, c]
    queue.move(own[1], "up")
    assert first_of(own) == [d, b, a, c]
    queue.move(own[3], "down")
    assert first_of(own) == [b, d, a, c]
    queue.move(own[1], "last")
    assert first_of(own) == [d, a, c, b]
    late = launched(owner, data={"split_seed": 9})
    assert first_of([*own, late])[-1] == late.pk


def test_a_paused_queue_gives_nothing_and_what_trains_goes_on(owner: User) -> None:
    launched(owner, seeds=2)
    run = claims.claim_next("worker@test")
    assert run is not None
    queue.pause(owner, "new drivers")
    assert claims.claim_next("other@test") is None
    assert services.renew(run.pk, run.attempt) == Status.RUNNING
    assert queue.resume() is True
    assert queue.resume() is False
    assert claims.claim_next("other@test") is not None


@pytest.mark.parametrize("runs", [40, 400])
def test_the_order_takes_as_many_questions_for_many_runs_as_for_few(
    runs: int, owner: User, django_assert_num_queries: Any
) -> None:
    experiment = launched(owner)
    sample = experiment.runs.filter(status=Status.QUEUED)[0]
    for number in range(runs):
        run = Run.objects.create(key=f"{number:064x}", spec=sample.spec, status=Status.QUEUED, queued_at=timezone.now())
        run.parts.create(experiment=experiment, role="weak", position=number + 10)
    with django_assert_num_queries(3):
        assert len(queue.places()) >= runs
