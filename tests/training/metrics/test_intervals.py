"""Intervals agree with computations that share no code with them, and cover the truth as often as they say."""

from collections.abc import Sequence
from math import inf
from typing import Any

import numpy as np
import pytest
from scipy.stats import t as student_t

from training.metrics.intervals import (
    combination,
    critical,
    holm,
    low_outliers,
    measure,
    p_value,
    ratio,
)

A, B = (-1, 1, 0), (-1, 0, 1)


def draw(
    rng: np.random.Generator,
    seeds: int = 4,
    examples: int = 300,
    cluster: int = 1,
    levels: Sequence[float] = (0.65, 0.72, 0.8),
    seed_sd: float = 0.02,
) -> tuple[Any, Any]:
    """Return right answers (3, seeds, examples): roles and clusters share difficulty, skill varies by seed."""
    difficulty = np.repeat(rng.standard_normal(examples // cluster), cluster)
    skill = np.asarray(levels)[:, None] + seed_sd * rng.standard_normal((3, seeds))
    noise = rng.standard_normal((3, seeds, examples))
    return 0.7 * difficulty + 0.714 * noise < student_t.ppf(skill, 1e9)[:, :, None], np.repeat(
        np.arange(examples // cluster), cluster
    )


def by_hand(values: Any, groups: Any, first: Sequence[float], two: Sequence[float]) -> tuple[float, float]:
    """Seed and example covariance of the means of two combinations, in plain Python loops."""
    m, seeds, n = values.shape
    u = [[[sum(w[q] * float(values[q, k, i]) for q in range(m)) for i in range(n)] for k in range(seeds)] for w in (first, two)]
    means = [[sum(row) / n for row in rows] for rows in u]
    grand = [sum(row) / seeds for row in means]
    seed = sum((a - grand[0]) * (b - grand[1]) for a, b in zip(*means, strict=True)) / (seeds - 1) / seeds if seeds > 1 else 0.0
    items = [[sum(rows[k][i] for k in range(seeds)) / seeds for i in range(n)] for rows in u]
    labels = sorted(set(groups.tolist()))
    g = len(labels)

    def together(first: list[float], second: list[float]) -> float:
        sums = [[sum(row[i] for i in range(n) if groups[i] == label) for label in labels] for row in (first, second)]
        return float(g / (g - 1) * sum(x * y for x, y in zip(*sums, strict=True)) / n**2)

    example = together(*[[items[j][i] - grand[j] for i in range(n)] for j in (0, 1)])
    for k in range(seeds if seeds > 1 else 0):
        rest = [[u[j][k][i] - means[j][k] - items[j][i] + grand[j] for i in range(n)] for j in (0, 1)]
        seed -= together(*rest) / (seeds - 1) / seeds
    return seed, example


def pair_by_hand(values: Any, groups: Any) -> tuple[list[float], list[float]]:
    """Return V_aa, V_ab, V_bb by seeds and by examples; a direction in which seeds give a negative variance is left out."""
    seed, example = (
        list(part) for part in zip(*[by_hand(values, groups, *pair) for pair in ((A, A), (A, B), (B, B))], strict=True)
    )
    (aa, ab, bb), middle = seed, (seed[0] + seed[2]) / 2
    spread = (((aa - bb) / 2) ** 2 + ab**2) ** 0.5
    large, small = middle + spread, middle - spread
    if large <= 0:
        return [0, 0, 0], example
    if small < 0:
        seed = [large / (large - small) * part for part in (aa - small, ab, bb - small)]
    return seed, example


@pytest.mark.parametrize(("seeds", "cluster"), [(1, 1), (2, 1), (4, 3), (5, 2)])
def test_covariances_are_those_computed_by_hand(seeds: int, cluster: int) -> None:
    values, groups = draw(np.random.default_rng(seeds), seeds, 60, cluster)
    spread = measure(values, groups)
    assert spread.clusters == 60 // cluster
    for first in (A, B):
        for two in (A, B):
            seed, example = by_hand(values, groups, first, two)
            assert np.array(first) @ spread.seed @ np.array(two) == pytest.approx(seed, abs=1e-15)
            assert np.array(first) @ spread.example @ np.array(two) == pytest.approx(example, abs=1e-15)


def test_without_clusters_the_example_variance_is_the_textbook_one() -> None:
    values, groups = draw(np.random.default_rng(3), 1, 200)
    item = values[1, 0].astype(float) - values[0, 0]
    spread = measure(values, groups)
    assert spread.variances(np.array(A)) == pytest.approx((0, item.var(ddof=1) / 200))


def test_near_copies_count_as_one_example() -> None:
    values, groups = draw(np.random.default_rng(4), 3, 100)
    single = combination(measure(values, groups), A)
    copied = combination(measure(np.repeat(values, 5, axis=2), np.repeat(groups, 5)), A)
    assert (copied.value, copied.low, copied.high) == pytest.approx((single.value, single.low, single.high))


@pytest.mark.parametrize("seeds", [1, 2, 3, 5])
def test_fieller_agrees_with_a_search_over_a_grid_of_ratios(seeds: int) -> None:
    values, groups = draw(np.random.default_rng(10 + seeds), seeds, 400, 2, (0.6, 0.7, 0.8), 0.01)
    parts = pair_by_hand(values, groups)
    top, bottom = (float(np.tensordot(w, values.mean(axis=(1, 2)), 1)) for w in (A, B))
    point = top / bottom

    def variance(r: Any, part: int) -> Any:
        return parts[part][0] - 2 * r * parts[part][1] + r * r * parts[part][2]

    v_seed, v_ex = variance(point, 0), variance(point, 1)
    share = v_seed / (v_seed + v_ex)
    q = (1 - share) * student_t.ppf(0.975, 199) + (share * student_t.ppf(0.975, seeds - 1) if seeds > 1 else 0)
    grid = np.arange(-20, 20, 1e-4)
    inside = grid[np.abs(top - grid * bottom) <= q * np.sqrt(variance(grid, 0) + variance(grid, 1))]
    estimates = ratio(measure(values, groups), A, B)
    assert estimates is not None
    assert estimates.value == pytest.approx(point)
    if estimates.low is None:
        assert inside[0] == grid[0] or inside[-1] == grid[-1]
    else:
        assert (estimates.low, estimates.high) == pytest.approx((inside[0], inside[-1]), abs=2e-4)


def test_a_gap_lost_in_noise_has_a_ratio_without_finite_ends() -> None:
    values, groups = draw(np.random.default_rng(1), 3, 200, levels=(0.7, 0.7, 0.705))
    estimates = ratio(measure(values, groups), A, B)
    assert estimates is not None
    assert estimates.low is None
    assert estimates.high is None


def test_a_ratio_over_nothing_is_none() -> None:
    values, groups = draw(np.random.default_rng(1), 3, 200)
    values[2] = values[0]
    assert ratio(measure(values, groups), A, B) is None


def test_a_ratio_is_not_clipped() -> None:
    rng = np.random.default_rng(2)
    above = ratio(measure(*draw(rng, 5, 2000, levels=(0.6, 0.9, 0.8), seed_sd=0.001)), A, B)
    below = ratio(measure(*draw(rng, 5, 2000, levels=(0.6, 0.5, 0.8), seed_sd=0.001)), A, B)
    assert above is not None
    assert below is not None
    assert above.value > 1.2
    assert below.value < -0.2


def test_intervals_cover_the_truth_about_as_often_as_they_say() -> None:
    """Three seeds, 500 examples, a gap of .2, true PGR .4: both levels of chance are drawn anew in every repetition."""
    rng, repetitions = np.random.default_rng(20), 600
    levels = (0.6, 0.68, 0.8)
    hits = {"pgr": 0, "gap": 0, "gain": 0, "weak": 0}
    truth = {"pgr": 0.4, "gap": 0.2, "gain": 0.08, "weak": 0.6}
    for _ in range(repetitions):
        spread = measure(*draw(rng, 3, 500, levels=levels, seed_sd=0.012))
        estimates = {"pgr": ratio(spread, A, B), "gap": combination(spread, B), "gain": combination(spread, A)}
        for name, estimate in {**estimates, "weak": combination(spread, (1, 0, 0))}.items():
            assert estimate is not None
            hits[name] += estimate.low is None or estimate.low <= truth[name] <= (estimate.high or inf)
    for name, count in hits.items():
        assert 0.92 <= count / repetitions <= 0.985, name


def test_the_critical_value_lies_between_those_of_its_two_sources() -> None:
    of_seeds, of_examples = student_t.ppf(0.975, 4), student_t.ppf(0.975, 999)
    assert critical(1, 0, 5, 1000) == pytest.approx(of_seeds)
    assert critical(0, 1, 5, 1000) == pytest.approx(of_examples)
    assert critical(0, 1, 1, 1000) == pytest.approx(of_examples)
    assert critical(3, 1, 5, 1000) == pytest.approx(0.75 * of_seeds + 0.25 * of_examples)
    assert critical(0, 0, 5, 1000) == pytest.approx(of_examples)
    assert critical(1, 1, 5, 1000, p=0.2) == pytest.approx((student_t.ppf(0.9, 4) + student_t.ppf(0.9, 999)) / 2)


def test_the_luck_of_single_runs_counts_once() -> None:
    """Answers that are coins: they vary between test sets as n K coins do, and seeds add nothing."""
    rng = np.random.default_rng(6)
    spreads = [measure(rng.random((1, 4, 200)) < 0.5, np.arange(200)) for _ in range(3000)]
    variance = 0.25 / (4 * 200)
    assert np.mean([spread.example[0, 0] for spread in spreads]) == pytest.approx(variance, rel=0.02)
    assert np.mean([spread.seed[0, 0] for spread in spreads]) == pytest.approx(0, abs=0.05 * variance)
    assert min(spread.seed[0, 0] for spread in spreads) < 0
    assert all(spread.variances(np.ones(1))[0] >= 0 for spread in spreads)


def test_seeds_that_happen_to_agree_leave_the_interval_that_examples_give() -> None:
    """All seeds equally accurate, on examples of their own: the seed variance is nothing, and not less."""
    values = np.stack([np.stack([np.roll(np.arange(600) < right, shift) for shift in (0, 7, 50)]) for right in (400, 440, 480)])
    spread = measure(values, np.arange(600))
    items = values[2].mean(axis=0) - values[0].mean(axis=0)
    half = student_t.ppf(0.975, 599) * (items.var(ddof=1) / 600) ** 0.5
    estimates = combination(spread, B)
    assert (estimates.low, estimates.high) == pytest.approx((estimates.value - half, estimates.value + half))
    assert spread.seed[0, 0] < 0
    fraction = ratio(spread, A, B)
    assert fraction is not None
    assert fraction.low is not None
    assert fraction.high is not None
    assert fraction.low < 0.5 < fraction.high


def test_a_p_value_keeps_its_digits_where_it_is_tiny() -> None:
    values, groups = draw(np.random.default_rng(7), 8, 2000, levels=(0.6, 0.6, 0.75), seed_sd=0.01)
    spread = measure(values, groups)
    seed, example = spread.variances(np.array(B))
    p = p_value(spread, B)
    assert 0 < p < 1e-6
    assert critical(seed, example, 8, 2000, p) == pytest.approx((spread.mean[2] - spread.mean[0]) / (seed + example) ** 0.5)


def test_p_value_is_below_five_per_cent_exactly_where_the_interval_excludes_zero() -> None:
    rng = np.random.default_rng(5)
    seen = set()
    for _ in range(60):
        spread = measure(*draw(rng, 3, 300, levels=(0.7, 0.74, 0.8)))
        excludes = combination(spread, A).excludes_zero
        seen.add(excludes)
        assert excludes == (p_value(spread, A) < 0.05)
    assert seen == {True, False}


def test_nothing_that_varies_gives_an_interval_of_no_width() -> None:
    values = np.ones((3, 2, 10), dtype=bool)
    spread = measure(values, np.arange(10))
    same = combination(spread, A)
    assert (same.value, same.low, same.high) == (0, 0, 0)
    assert p_value(spread, A) == 1
    assert combination(spread, (1, 0, 0)).low == 1


def test_a_single_group_of_examples_is_refused() -> None:
    with pytest.raises(ValueError, match="at least two groups"):
        measure(np.ones((3, 2, 10), dtype=bool), np.zeros(10, dtype=int))


def test_holm_steps_down_and_never_reorders() -> None:
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.5, 0.9]) == [1, 1]
    assert holm([0.2]) == [0.2]
    assert holm([]) == []


def test_holm_keeps_the_family_wise_error() -> None:
    """Under three true null hypotheses some adjusted p-value is below .05 in at most about 5% of families."""
    rng = np.random.default_rng(0)
    assert np.mean([min(holm(rng.random(3).tolist())) < 0.05 for _ in range(4000)]) <= 0.06


def test_one_collapsed_seed_is_an_outlier_and_small_scatter_is_not() -> None:
    assert low_outliers([0.79, 0.788, 0.62, 0.791, 0.789], 2000) == [2]
    assert low_outliers([0.790, 0.790, 0.790, 0.790, 0.786], 2000) == []
    assert low_outliers([0.79, 0.79, 0.79, 0.79, 0.95], 2000) == []
    assert low_outliers([0.79, 0.5, 0.79], 2000) == []
