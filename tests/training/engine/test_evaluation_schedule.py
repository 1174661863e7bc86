"""Evaluations on validation and test rows are many where they are cheap, and bounded in cost where they are not."""

import numpy as np
import pytest

from tests.factories.runs import make_run
from training.engine.data.split import Half, Split
from training.engine.evaluation_schedule import EVALUATIONS, evaluation_schedule
from training.planning.costs import FEWEST_EVALUATED, FEWEST_EVALUATIONS


def split(train: int, validation: int, test: int) -> Split:
    half = Half(np.arange(train), np.arange(train, train + validation))
    return Split(a=half, b=half, test=np.arange(10**6, 10**6 + test), locked=np.arange(0))


GROUP = np.arange(2 * 10**6)


def test_a_head_looks_fifty_times_at_the_whole_test_set() -> None:
    schedule = evaluation_schedule(make_run("ceiling"), parts := split(100, 10, 50_000), GROUP)
    assert schedule.times == EVALUATIONS == 50
    assert schedule.watched.tolist() == parts.test.tolist()


@pytest.mark.parametrize(("validation", "test", "times"), [(5, 10, 50), (10, 20, 30), (20, 40, 15), (20, 130, 6)])
def test_a_transformer_looks_at_all_rows_as_often_as_a_tenth_of_its_cost_allows(validation: int, test: int, times: int) -> None:
    """Three epochs of 1,000 rows cost as much as 9,000 forward passes."""
    schedule = evaluation_schedule(
        make_run("ceiling", adaptation="full", epochs=3), parts := split(1000, validation, test), GROUP
    )
    assert (schedule.times, len(schedule.watched)) == (times, len(parts.test))


def test_where_five_looks_at_all_rows_would_cost_more_they_are_at_a_sample_of_the_test_set() -> None:
    schedule = evaluation_schedule(make_run("ceiling", adaptation="full", epochs=3), parts := split(10_000, 200, 20_000), GROUP)
    assert schedule.times == FEWEST_EVALUATIONS
    assert schedule.times * (200 + len(schedule.watched)) == 9_000
    assert set(schedule.watched) < set(parts.test)
    assert (np.diff(schedule.watched) > 0).all()


def test_the_sample_has_a_smallest_size() -> None:
    schedule = evaluation_schedule(make_run("ceiling", adaptation="lora", epochs=1), split(100, 50, 20_000), GROUP)
    assert (schedule.times, len(schedule.watched)) == (FEWEST_EVALUATIONS, FEWEST_EVALUATED)


def test_the_sample_takes_whole_groups_and_is_the_same_for_every_seed_of_an_experiment() -> None:
    group, parts = GROUP // 4, split(10_000, 200, 20_000)
    run = make_run("ceiling", adaptation="full", epochs=3)
    actual = evaluation_schedule(run, parts, group).watched
    _, sizes = np.unique(group[actual], return_counts=True)
    assert set(sizes) == {4}
    other = evaluation_schedule(run.model_copy(update={"seed": run.seed + 1}), parts, group).watched
    assert other.tolist() == actual.tolist()
    assert abs((actual - 10**6).mean() - 10_000) < 500, "not spread over the test set"
