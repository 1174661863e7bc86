"""Votes and weights of AdaBoost, by hand."""

import numpy as np
import pytest

from training.engine.targets.boosting import boosting_weights
from training.storage.predictions import Predictions


def member(right: list[int], classes: int = 2) -> Predictions:
    """Says the truth, class 0, on the examples that are marked, and class 1 elsewhere."""
    n = len(right)
    label = np.where(np.array(right) == 1, 0, 1)
    prob = label * 0.8 + 0.1 if classes == 2 else np.eye(classes)[label] * 0.7 + 0.1
    return Predictions(np.arange(n), np.full(n, "own"), np.arange(n), np.zeros(n, np.int8), prob.astype(np.float32))


def test_after_a_member_right_and_wrong_weigh_the_same_and_its_vote_is_half_its_log_odds() -> None:
    boosting = boosting_weights([member([1, 1, 1, 0])])
    np.testing.assert_allclose(boosting.weight, [1 / 6, 1 / 6, 1 / 6, 1 / 2])
    assert boosting.votes.tolist() == pytest.approx([np.log(3) / 2])


def test_a_second_member_is_judged_by_the_weights_that_the_first_left() -> None:
    boosting = boosting_weights([member([1, 1, 1, 0]), member([0, 1, 1, 1])])
    assert boosting.votes[1] == pytest.approx(np.log(5) / 2)  # wrong on one sixth
    np.testing.assert_allclose(boosting.weight, [1 / 2, 1 / 10, 1 / 10, 3 / 10])


def test_a_member_no_better_than_chance_has_no_vote_and_leaves_the_weights() -> None:
    boosting = boosting_weights([member([1, 0, 0, 1]), member([0, 0, 0, 1])])
    assert boosting.votes.tolist() == pytest.approx([0, 0])
    np.testing.assert_allclose(boosting.weight, 0.25)


def test_chance_of_three_classes_is_two_thirds_wrong() -> None:
    boosting = boosting_weights([member([1, 0, 1, 0], classes=3)])
    assert boosting.votes.tolist() == pytest.approx([np.log(2) / 2])
    np.testing.assert_allclose(boosting.weight, [1 / 6, 1 / 3, 1 / 6, 1 / 3])


def test_a_perfect_member_has_a_finite_vote() -> None:
    assert np.isfinite(boosting_weights([member([1, 1])]).votes).all()
