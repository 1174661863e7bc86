# mypy: disable-error-code="union-attr, operator"
"""The last step, the selected one and the best in hindsight are compared on the same examples."""

from dataclasses import replace

import numpy as np
import pytest

from tests.factories.results import LEVELS, FinishedRuns, N, only, plan_of, untold
from training.metrics.results import summarize
from training.storage.predictions import Trajectory


def test_the_three_stop_rules_share_supervisor_and_ceiling_and_hindsight_is_marked() -> None:
    finished = FinishedRuns(plan_of(), LEVELS)
    (group,) = finished.result().groups
    stops = group.stops
    assert [stop.hindsight for stop in (stops.last, stops.selected, stops.hindsight)] == [False, False, True]
    assert [stop.steps for stop in (stops.last, stops.selected, stops.hindsight)] == [(15,) * 3, (5,) * 3, (10,) * 3]
    assert stops.selected.accuracy == group.student
    assert stops.selected.pgr == group.pgr
    assert stops.last.accuracy.value == pytest.approx(0.5)
    assert stops.hindsight.accuracy.value == pytest.approx(group.student.value + 1 / N)
    assert stops.last.pgr.value == pytest.approx((0.5 - group.weak.value) / group.gap.value)
    assert stops.last.pgr.low < stops.last.pgr.value < stops.last.pgr.high
    assert stops.overfitting.value == pytest.approx(1 / N)
    assert stops.overfitting.low <= 1 / N <= stops.overfitting.high


def test_a_stop_rule_has_no_pgr_where_the_result_has_none() -> None:
    group = only({"weak": 0.7, 0: 0.71, "ceiling": 0.705}, seed_sd=0.0)
    assert group.stops.last.state == "unresolved"
    assert [stop.pgr for stop in (group.stops.last, group.stops.selected, group.stops.hindsight)] == [None] * 3


def test_without_a_trajectory_there_is_a_result_and_no_word_on_other_stop_rules() -> None:
    finished = FinishedRuns(plan_of(), LEVELS)
    (group,) = summarize(finished.plan, finished.read, untold).groups
    assert group.state == "ok"
    assert group.stops is None


def test_a_trajectory_in_another_order_of_examples_gives_the_same_and_one_of_others_is_refused() -> None:
    finished = FinishedRuns(plan_of(), LEVELS)
    before = finished.result().groups[0].stops
    order = np.random.default_rng(1).permutation(N)

    def shuffled(key: str) -> Trajectory:
        full = finished.read_trajectory(key)
        return replace(full, id=full.id[order], prob=full.prob[:, order])

    assert summarize(finished.plan, finished.read, shuffled).groups[0].stops == before
    with pytest.raises(ValueError, match="other examples"):
        summarize(finished.plan, finished.read, lambda key: replace(finished.read_trajectory(key), id=np.arange(N) + 1))


def test_stop_rules_are_compared_on_the_examples_that_were_watched_and_say_how_many() -> None:
    finished = FinishedRuns(plan_of(), LEVELS)
    (whole,) = finished.result().groups

    def watched(key: str) -> Trajectory:
        full = finished.read_trajectory(key)
        return replace(full, id=full.id[::-2], prob=full.prob[:, ::-2])

    (part,) = summarize(finished.plan, finished.read, watched).groups
    assert part.student == whole.student
    assert whole.stops
    assert part.stops
    assert (whole.stops.watched, part.stops.watched) == (None, N // 2)
    student = finished.plan.triplets[0].student
    test, seen = finished.read(student).part("test"), watched(student)
    assert part.stops.selected.accuracy.per_seed[0] == test.right[np.isin(test.id, seen.id)].mean()
