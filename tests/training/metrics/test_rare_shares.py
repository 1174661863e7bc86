"""A share that few examples decide has an interval which covers it, and never one of no width."""

import numpy as np
import pytest
from scipy.stats import binomtest

from training.metrics.intervals import (
    FEW,
    Estimate,
    combination,
    conditional,
    measure,
    proportion,
)


def ends(estimate: Estimate | None) -> tuple[float | None, float | None]:
    assert estimate is not None
    return estimate.low, estimate.high


@pytest.mark.parametrize("right", [0, 1, 9, 4991, 4999, 5000])
def test_a_share_that_few_examples_decide_has_wilsons_interval(right: int) -> None:
    values = np.arange(5000)[None, None] < right
    wilson = binomtest(right, 5000).proportion_ci(method="wilson")
    assert ends(proportion(measure(values, np.arange(5000)), (1,))) == pytest.approx((wilson.low, wilson.high), rel=2e-3)


@pytest.mark.parametrize("right", [FEW, 300, 5000 - FEW])
def test_a_share_of_many_examples_has_the_interval_of_every_mean(right: int) -> None:
    spread = measure(np.arange(5000)[None, None] < right, np.arange(5000))
    assert ends(proportion(spread, (1,))) == ends(combination(spread, (1,)).within(0, 1))


def test_none_of_27_errors_is_not_nothing_for_sure() -> None:
    """Nobody who is wrong where the supervisor is wrong agrees with it: 0 of 27, of 500 examples."""
    wrong = np.arange(500) < 27
    values = np.stack([np.zeros(500, bool), wrong])[:, None]
    low, high = ends(conditional(measure(values, np.arange(500)), (1, 0), (0, 1)))
    wilson = binomtest(0, 27).proportion_ci(method="wilson")
    assert low == 0
    assert high == pytest.approx(wilson.high, rel=0.01)


def test_seeds_that_agree_make_no_share_surer_than_one_of_them() -> None:
    first = np.arange(400)[None, None] < 3
    single, five = (proportion(measure(np.repeat(first, seeds, axis=1), np.arange(400)), (1,)) for seeds in (1, 5))
    assert ends(five) == pytest.approx(ends(single))


def test_copies_of_one_example_count_once_in_a_share_of_few() -> None:
    values = np.zeros((1, 1, 100), bool)
    single = proportion(measure(values[:, :, :20], np.arange(20)), (1,))
    copied = proportion(measure(values, np.repeat(np.arange(20), 5)), (1,))
    assert ends(copied) == pytest.approx(ends(single))


@pytest.mark.parametrize("share", [0.001, 0.004, 0.02])
def test_a_rare_share_is_covered_where_the_interval_of_means_would_miss_it(share: float) -> None:
    rng, repetitions = np.random.default_rng(11), 400
    hits, missed = 0, 0
    for _ in range(repetitions):
        spread = measure(rng.random((1, 2, 400)) < share, np.arange(400))
        low, high = ends(proportion(spread, (1,)))
        assert low is not None
        assert high is not None
        hits += low <= share <= high
        low, high = ends(combination(spread, (1,)))
        assert low is not None
        assert high is not None
        missed += not low <= share <= high
    assert hits / repetitions >= 0.93
    assert hits > repetitions - missed
