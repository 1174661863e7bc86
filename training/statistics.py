"""Intervals for accuracies, their differences and their ratios, over seeds and test examples at once: numbers in, numbers out."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf, nan, sqrt

import numpy as np
import numpy.typing as npt
from scipy.special import stdtr, stdtrit

from training.spec import Frozen

LEVEL = 0.95

Array = npt.NDArray[np.float64]


class Estimate(Frozen):
    """A value with its 95% interval; None for an end that is not finite."""

    value: float
    low: float | None
    high: float | None

    @property
    def excludes_zero(self) -> bool:
        return self.low is not None and self.high is not None and (self.low > 0 or self.high < 0)

    def within(self, low: float, high: float) -> "Estimate":
        """The same with its ends inside the range that the quantity can have."""
        return Estimate(value=self.value, low=max(low, self.low or low), high=high if self.high is None else min(high, self.high))


@dataclass(frozen=True)
class Spread:
    """Means of m quantities with the two parts of the covariance of these means.

    ``seed`` (m, m) says how the means vary between seeds on this test set, ``example`` (m, m) how they vary between test sets.
    """

    mean: Array
    seed: Array
    example: Array
    seeds: int
    clusters: int

    def variances(self, weights: Array) -> tuple[float, float]:
        """Seed and example variance of the linear combination ``weights @ mean``; a rounding error below zero is zero."""
        return max(0.0, float(weights @ self.seed @ weights)), max(0.0, float(weights @ self.example @ weights))


def measure(values: npt.NDArray[np.bool_] | Array, groups: npt.NDArray[np.int64]) -> Spread:
    """The spread of m quantities measured as ``values`` (m, seeds, examples) on examples that cluster in ``groups`` (examples,).

    Sigma_seed = cov(seed means) / K, zero where there is a single seed. Sigma_ex is the covariance of the mean over examples of
    the items, each averaged over seeds; examples of one group are one draw: G/(G-1) sum_g u_g u_g' / n^2 with u_g the sum of
    the group's deviations from the mean, which is cov(items) / n where every group has one example. Raises ValueError where
    there are fewer than two groups, since nothing then tells how test sets vary.
    """
    m, seeds, n = values.shape
    per_seed = values.mean(axis=2)
    items = values.mean(axis=1)
    mean = items.mean(axis=1)
    _, cluster = np.unique(groups, return_inverse=True)
    clusters = int(cluster.max(initial=-1)) + 1
    if clusters < 2:
        raise ValueError(f"An interval needs test examples from at least two groups; there are {clusters}.")
    sums = np.stack([np.bincount(cluster, weights=row) for row in items - mean[:, None]])
    example = clusters / (clusters - 1) * (sums @ sums.T) / n**2
    seed = np.atleast_2d(np.cov(per_seed)) / seeds if seeds > 1 else np.zeros((m, m))
    return Spread(mean, seed, example, seeds, clusters)


def degrees_of_freedom(seed_variance: float, example_variance: float, seeds: int, clusters: int) -> float:
    """Satterthwaite: v^2 / (v_seed^2 / (K-1) + v_ex^2 / (G-1)); infinite where nothing varies."""
    total = seed_variance + example_variance
    if total == 0:
        return inf
    parts = (example_variance / total) ** 2 / (clusters - 1)
    if seeds > 1:
        parts += (seed_variance / total) ** 2 / (seeds - 1)
    return 1 / parts if parts else inf


def t_quantile(df: float, level: float = LEVEL) -> float:
    return float(stdtrit(df, (1 + level) / 2))


def combination(spread: Spread, weights: Sequence[float]) -> Estimate:
    """``weights @ mean`` with its t interval: variance from seeds plus variance from examples, Satterthwaite df."""
    w = np.asarray(weights, dtype=np.float64)
    value = float(w @ spread.mean)
    seed, example = spread.variances(w)
    half = t_quantile(degrees_of_freedom(seed, example, spread.seeds, spread.clusters)) * sqrt(seed + example)
    return Estimate(value=value, low=value - half, high=value + half)


def p_value(spread: Spread, weights: Sequence[float]) -> float:
    """Two-sided p-value of "``weights @ mean`` is zero", by the t test that ``combination`` inverts."""
    w = np.asarray(weights, dtype=np.float64)
    value = float(w @ spread.mean)
    seed, example = spread.variances(w)
    if seed + example == 0:
        return 1.0 if value == 0 else 0.0
    df = degrees_of_freedom(seed, example, spread.seeds, spread.clusters)
    return float(2 * stdtr(df, -abs(value) / sqrt(seed + example)))


def ratio(spread: Spread, over: Sequence[float], under: Sequence[float]) -> Estimate | None:
    """A / B with Fieller's interval, for A = ``over @ mean`` and B = ``under @ mean``; None where B is zero.

    The interval is every r with (A - rB)^2 <= q^2 v(r), v(r) = V_aa - 2 r V_ab + r^2 V_bb: between the roots of
    (B^2 - q^2 V_bb) r^2 - 2 (AB - q^2 V_ab) r + (A^2 - q^2 V_aa) = 0 where B^2 > q^2 V_bb, and without finite ends elsewhere.
    q is Student's t with Satterthwaite's df at r = A / B (Fieller 1954, J. R. Stat. Soc. B 16).
    """
    a, b = np.asarray(over, dtype=np.float64), np.asarray(under, dtype=np.float64)
    top, bottom = float(a @ spread.mean), float(b @ spread.mean)
    if bottom == 0:
        return None
    value = top / bottom
    q2 = t_quantile(degrees_of_freedom(*spread.variances(a - value * b), spread.seeds, spread.clusters)) ** 2
    v = spread.seed + spread.example
    square = bottom**2 - q2 * float(b @ v @ b)
    half = top * bottom - q2 * float(a @ v @ b)
    constant = top**2 - q2 * float(a @ v @ a)
    if square <= 0:
        return Estimate(value=value, low=None, high=None)
    root = sqrt(max(0.0, half**2 - square * constant))
    return Estimate(value=value, low=(half - root) / square, high=(half + root) / square)


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's step-down adjustment of p-values, in the order given: compare with .05 to keep the family-wise error (Holm 1979)."""
    adjusted, running = [nan] * len(p_values), 0.0
    for rank, index in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        running = max(running, min(1.0, (len(p_values) - rank) * p_values[index]))
        adjusted[index] = running
    return adjusted


def low_outliers(accuracies: Sequence[float], examples: int) -> list[int]:
    """Positions of accuracies that lie more than 3 MAD below the median of the others.

    The MAD (times 1.4826, as for a normal law) of a handful of seeds can be tiny by chance, so it counts as at least one standard
    error of an accuracy on so many ``examples``. Fewer than three others tell nothing.
    """
    found = []
    for index, accuracy in enumerate(accuracies):
        others = np.delete(np.asarray(accuracies, dtype=np.float64), index)
        if len(others) < 3:
            break
        centre = float(np.median(others))
        deviation = 1.4826 * float(np.median(np.abs(others - centre)))
        if centre - accuracy > 3 * max(deviation, sqrt(centre * (1 - centre) / examples)):
            found.append(index)
    return found
