"""Tests of two methods, held to counting every possibility by hand."""

from itertools import product
from math import comb

import numpy as np
import pytest

from training.metrics.intervals import t_quantile
from training.metrics.significance import FEWEST_RANKED, mcnemar, median_of, over_sets


def answers(both: int, first: int, second: int, neither: int) -> tuple[np.ndarray, np.ndarray]:
    right = [True] * (both + first) + [False] * (second + neither)
    two = [True] * both + [False] * first + [True] * second + [False] * neither
    return np.array(right), np.array(two)


@pytest.mark.parametrize(("first", "second"), [(3, 9), (9, 3), (5, 5), (0, 7), (0, 0)])
def test_mcnemar_counts_coins_that_fall_as_unevenly(first: int, second: int) -> None:
    test, n = mcnemar(4, *answers(20, first, second, 10)), first + second
    tail = sum(comb(n, k) for k in range(min(first, second) + 1)) / 2**n
    assert (test.seed, test.first, test.second) == (4, first, second)
    assert test.p == pytest.approx(min(1, 2 * tail))


def test_over_data_sets_signed_ranks_are_those_of_all_signs() -> None:
    differences = [0.012, 0.03, -0.004, 0.021, 0.05, 0.008, 0.017]
    ranks = np.argsort(np.argsort(np.abs(differences))) + 1
    least = min(sum(ranks[np.array(differences) > 0]), sum(ranks[np.array(differences) < 0]))
    all_sums = [sum(rank for rank, sign in zip(ranks, signs, strict=True) if sign) for signs in product([0, 1], repeat=7)]
    expected = min(1, 2 * np.mean(np.array(all_sums) <= least))
    test = over_sets(differences)
    assert test.wilcoxon == pytest.approx(expected)
    assert (test.sets, test.better, test.worse) == (7, 6, 1)


def test_the_mean_over_data_sets_has_students_interval() -> None:
    differences = [0.01, 0.03, 0.02]
    test = over_sets(differences)
    assert test.mean is not None
    half = t_quantile(2) * 0.01 / np.sqrt(3)
    assert (test.mean.low, test.mean.value, test.mean.high) == pytest.approx((0.02 - half, 0.02, 0.02 + half))
    assert test.t is not None
    assert 0.05 < test.t < 0.1, "zero lies outside the interval of 90 and inside that of 95%"


def test_of_too_few_data_sets_no_test_is_told() -> None:
    assert over_sets([0.1]).mean is None
    assert over_sets([0.1]).t is None
    assert over_sets([0.1] * (FEWEST_RANKED - 1)).wilcoxon is None
    assert over_sets([0.1 + 0.01 * number for number in range(FEWEST_RANKED)]).wilcoxon == pytest.approx(2 / 2**FEWEST_RANKED)


def test_a_median_has_an_interval_within_its_values_and_none_of_few() -> None:
    test = median_of([0.1, 0.2, 0.3, 0.4, 0.9])
    assert test is not None
    assert test.value == 0.3
    assert test.low == 0.1
    assert test.high == 0.9
    assert median_of([]) is None
    few = median_of([0.4, 0.6, 0.5, 0.3])
    assert few is not None
    assert (few.value, few.low, few.high) == (0.45, None, None)
