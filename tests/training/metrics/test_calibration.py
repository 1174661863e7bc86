"""Calibration against bins counted by hand and against scikit-learn."""

import numpy as np
import pytest
from sklearn.metrics import brier_score_loss
from sklearn.metrics import log_loss as sklearn_log_loss

from training.metrics.calibration import (
    bin_of,
    divergence,
    expected_error,
    log_loss,
    reliability,
    squared,
)
from training.storage.probabilities import by_class, certain, labels_of

GOLD = np.array([1, 1, 0, 0])
PROB = by_class(np.array([0.9, 0.8, 0.8, 0.3], np.float64))
"""Confidences .9, .8, .8 and .7, of which the second .8 is wrong."""


def drawn(classes: int, n: int = 300) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(classes)
    return rng.dirichlet(np.ones(classes), n), rng.integers(0, classes, n)


def test_bins_hold_their_upper_edge() -> None:
    assert bin_of(np.array([0.0, 0.5, 0.50001, 0.75, 1.0]), bins=4).tolist() == [0, 1, 2, 2, 3]


def test_a_bin_tells_how_sure_and_how_often_right_its_examples_are() -> None:
    bins = reliability(PROB, by_class(certain(GOLD, 2)), bins=10)
    assert [bin_.count for bin_ in bins] == [1, 2, 1]
    assert [bin_.right for bin_ in bins] == [1, 0.5, 1]
    assert [bin_.confidence for bin_ in bins] == pytest.approx([0.7, 0.8, 0.9])


def test_the_expected_error_weights_bins_by_their_examples() -> None:
    bins = reliability(PROB, by_class(certain(GOLD, 2)), bins=10)
    assert expected_error(bins) == pytest.approx(0.25 * 0.3 + 0.5 * 0.3 + 0.25 * 0.1)


def test_against_a_model_being_right_is_to_give_its_label() -> None:
    bins = reliability(PROB, by_class(np.array([0.6, 0.6, 0.6, 0.6])), bins=10)
    assert [bin_.right for bin_ in bins] == [0, 1, 1]


@pytest.mark.parametrize("classes", [2, 3, 5])
def test_brier_and_log_loss_are_those_of_scikit_learn(classes: int) -> None:
    prob, gold = drawn(classes)
    expected = brier_score_loss(gold, prob[:, 1]) if classes == 2 else brier_score_loss(gold, prob)
    assert squared(prob, by_class(certain(gold, classes))).mean() == pytest.approx(expected)
    assert log_loss(prob, by_class(certain(gold, classes))).mean() == pytest.approx(sklearn_log_loss(gold, prob))


def test_a_certain_error_costs_a_finite_loss() -> None:
    assert log_loss(by_class(np.array([1.0])), by_class(certain(np.array([0]), 2))).tolist() == pytest.approx([7 * np.log(10)])


def test_divergence_is_zero_of_equal_predictions_and_is_not_symmetric() -> None:
    bin_, two = by_class(np.array([0.9])), by_class(np.array([0.5]))
    assert divergence(bin_, bin_).tolist() == pytest.approx([0])
    assert divergence(bin_, two).tolist() == pytest.approx([0.9 * np.log(0.9 / 0.5) + 0.1 * np.log(0.1 / 0.5)])
    assert divergence(two, bin_).tolist() == pytest.approx([0.5 * np.log(0.5 / 0.9) + 0.5 * np.log(0.5 / 0.1)])


def test_one_half_is_class_0_as_everywhere() -> None:
    assert labels_of(by_class(np.array([0.5, 0.500001]))).tolist() == [0, 1]
