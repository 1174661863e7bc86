"""The rows that a method selects, with two classes and with more."""

import numpy as np
import pytest

from training.engine.targets.training_set import easiest, filtered_rows
from training.spec.methods import FilterFraction, FilterThreshold
from training.storage.probabilities import confidence_of

TWO = np.array([0.9, 0.2, 0.55, 0.45, 0.05, 0.7], np.float32)
THREE = np.array([[0.5, 0.3, 0.2], [0.1, 0.8, 0.1], [0.4, 0.35, 0.25], [0.2, 0.45, 0.35], [0.05, 0.05, 0.9]], np.float32)


def test_a_threshold_keeps_what_the_supervisor_is_surer_of() -> None:
    assert filtered_rows(FilterThreshold(threshold=0.75), TWO).tolist() == [0, 1, 4]
    assert filtered_rows(FilterThreshold(threshold=0.45), THREE).tolist() == [0, 1, 4]  # not the .45 itself
    assert filtered_rows(FilterThreshold(threshold=0.99), TWO).tolist() == []


@pytest.mark.parametrize(("share", "rows"), [(0.5, [0, 1, 4, 5]), (0.34, [0, 1, 4, 5]), (0.33, [0, 4]), (1, [0, 1, 2, 3, 4, 5])])
def test_a_share_is_kept_of_each_class_the_surest_first_and_rounded_up(share: float, rows: list[int]) -> None:
    # Class 1: rows 0 (.9), 5 (.7), 2 (.55); class 0: rows 4 (.05), 1 (.2), 3 (.45).
    assert filtered_rows(FilterFraction(keep=share), TWO).tolist() == rows


def test_a_share_of_three_classes_leaves_none_of_them_out() -> None:
    assert filtered_rows(FilterFraction(keep=0.5), THREE).tolist() == [0, 1, 4]


def test_equally_sure_labels_are_kept_in_the_order_of_the_rows() -> None:
    assert filtered_rows(FilterFraction(keep=0.5), np.full(6, 0.8, np.float32)).tolist() == [0, 1, 2]


def test_easy_is_what_the_supervisor_gives_most_of_the_truth() -> None:
    true = np.array([1, 1, 0, 0, 1, 1], np.float32)
    # Of the truth: .9, .2, .45, .55, .05, .7
    assert easiest(TWO, true, 0.5).tolist() == [0, 3, 5]
    assert easiest(THREE, np.eye(3, dtype=np.float32)[[1, 1, 2, 2, 0]], 0.4).tolist() == [1, 3]
    assert easiest(TWO, true, 1).tolist() == list(range(6))


def test_confidence_is_that_of_the_most_probable_class() -> None:
    np.testing.assert_allclose(confidence_of(TWO), [0.9, 0.8, 0.55, 0.55, 0.95, 0.7])
    np.testing.assert_allclose(confidence_of(THREE), [0.5, 0.8, 0.4, 0.45, 0.9])
