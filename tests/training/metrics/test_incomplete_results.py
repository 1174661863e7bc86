# mypy: disable-error-code="union-attr, operator"
"""A result of runs that are missing, and the runs that are refused."""

import numpy as np
import pytest

from tests.factories.results import LEVELS, FinishedRuns, N, plan_of, predictions


def test_nothing_finished_is_incomplete_and_says_what_is_missing() -> None:
    plan = plan_of()
    result = FinishedRuns(plan, LEVELS)
    result.runs.clear()
    actual = result.result()
    assert actual.test_rows is None
    assert actual.groups[0].state == "incomplete"
    assert actual.groups[0].missing == (0, 1, 2)
    assert "weak supervisor, student, strong ceiling" in actual.groups[0].reason
    assert actual.groups[0].weak is None
    assert actual.triplets[0].weak is None


def test_no_complete_seed_is_incomplete_but_keeps_the_accuracies_of_what_finished() -> None:
    finished = FinishedRuns(plan_of(), LEVELS)
    for seed in range(3):
        finished.drop("ceiling", seed)
    result = finished.result()
    assert result.groups[0].state == "incomplete"
    assert result.groups[0].reason.endswith("missing: strong ceiling.")
    assert result.triplets[0].ceiling is None
    assert result.triplets[0].student is not None


def test_a_part_of_the_seeds_gives_a_provisional_result_on_these() -> None:
    finished = FinishedRuns(plan_of(4), LEVELS)
    finished.drop("student", 1)
    finished.drop("ceiling", 3)
    (group,) = finished.result().groups
    assert (group.seeds, group.missing, group.provisional, group.state) == ((0, 2), (1, 3), True, "ok")
    assert len(group.student.per_seed) == 2


def test_one_seed_gives_an_interval_of_the_test_set_alone() -> None:
    (group,) = FinishedRuns(plan_of(1), LEVELS).result().groups
    assert group.single_seed
    p = group.weak.value
    assert group.weak.high - p == pytest.approx(1.963 * np.sqrt(p * (1 - p) / (N - 1)), rel=1e-3)


def test_runs_tested_on_other_examples_are_refused() -> None:
    finished = FinishedRuns(plan_of(), LEVELS)
    finished.runs[finished.plan.triplets[1].student] = predictions(np.ones(N, dtype=bool), ids=np.arange(1, N + 1))
    with pytest.raises(ValueError, match="other examples"):
        finished.result()


@pytest.mark.parametrize("bad", [np.nan, np.inf, -0.1, 1.5])
def test_what_is_not_a_probability_is_refused(bad: float) -> None:
    finished = FinishedRuns(plan_of(), LEVELS)
    finished.runs[finished.plan.triplets[0].weak].prob[5] = bad
    with pytest.raises(ValueError, match="not a probability"):
        finished.result()


def test_a_run_without_test_rows_is_refused() -> None:
    finished = FinishedRuns(plan_of(), LEVELS)
    finished.runs[finished.plan.triplets[0].weak].split[:] = "transfer"
    with pytest.raises(ValueError, match="no predictions on the test set"):
        finished.result()
