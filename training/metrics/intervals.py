"""Intervals of accuracies, their differences and their ratios, over seeds and test examples at once, as pure functions."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, log, nan, sqrt

import numpy as np
import numpy.typing as npt

from training.base_models import Frozen

LEVEL = 0.95

FEW = 10
"""Expected examples on either side of a share, below which Wilson's interval replaces the normal approximation."""

Array = npt.NDArray[np.float64]


class Estimate(Frozen):
    """A value with its 95% interval; None for an end that is not finite."""

    value: float
    low: float | None
    high: float | None

    @property
    def excludes_zero(self) -> bool:
        return self.low is not None and self.high is not None and (self.low > 0 or self.high < 0)

    @property
    def negated(self) -> "Estimate":
        """Return the difference with the opposite sign: the ends change places with their signs."""
        low, high = (None if end is None else -end for end in (self.high, self.low))
        return Estimate(value=-self.value, low=low, high=high)

    def within(self, low: float, high: float) -> "Estimate":
        """Return the same estimate with its ends inside the range that the quantity can have."""
        return Estimate(value=self.value, low=max(low, self.low or low), high=high if self.high is None else min(high, self.high))


@dataclass(frozen=True)
class Spread:
    """Means of m quantities, with the two parts of the covariance of these means.

    ``example`` (m, m) is the covariance of the means between test sets, ``seed`` (m, m) the contribution of seeds. ``seed`` is a
    difference of two estimates, and negative for some combinations where seeds add little.
    """

    mean: Array
    seed: Array
    example: Array
    seeds: int
    clusters: int

    def variances(self, weights: Array) -> tuple[float, float]:
        """Return seed and example variance of the linear combination ``weights @ mean``; an estimate below zero is zero."""
        return max(0.0, float(weights @ self.seed @ weights)), max(0.0, float(weights @ self.example @ weights))


def measure(values: npt.NDArray[np.bool_] | Array, groups: npt.NDArray[np.int64]) -> Spread:
    """Return the spread of m quantities, ``values`` (m, seeds, examples), on examples that cluster in ``groups`` (examples,).

    Sigma_ex is the covariance of the mean over examples of the items, each averaged over seeds; examples of one group are one
    draw: G/(G-1) sum_g u_g u_g' / n^2 with u_g the sum of the group's deviations from the mean, which is cov(items) / n where
    every group has one example. Sigma_seed is cov(seed means) / K less the noise of single runs on single examples, which
    Sigma_ex already contains: the interaction of seeds and examples in a two-way layout, 1/(K(K-1)) sum_k of the same form on
    the deviations of seed k from the average over seeds. It is zero for a single seed. Raises ValueError for fewer than two
    groups, since the variation of test sets cannot be estimated then.
    """
    m, seeds, n = values.shape
    per_seed = values.mean(axis=2)
    _, cluster, sizes = np.unique(groups, return_inverse=True, return_counts=True)
    clusters = len(sizes)
    if clusters < 2:
        raise ValueError(f"An interval needs test examples from at least two groups; there are {clusters}.")
    sums = np.array([np.bincount(cluster, weights=row) for row in values.reshape(m * seeds, n)]).reshape(m, seeds, clusters)
    deviations = sums - per_seed[:, :, None] * sizes
    shared = deviations.mean(axis=1)
    scale = clusters / (clusters - 1) / n**2
    seed = np.zeros((m, m))
    if seeds > 1:
        own = (deviations - shared[:, None]).reshape(m, seeds * clusters)
        seed = np.atleast_2d(np.cov(per_seed)) / seeds - scale * (own @ own.T) / (seeds * (seeds - 1))
    return Spread(per_seed.mean(axis=1), seed, scale * (shared @ shared.T), seeds, clusters)


def t_quantile(df: float, p: float = 1 - LEVEL) -> float:
    """Return the value that |t| exceeds with probability ``p``."""
    from scipy.special import stdtrit  # loaded by those who compute: a sixth of the start of a worker, which does not

    return float(-stdtrit(df, p / 2))


def critical(seed_variance: float, example_variance: float, seeds: int, clusters: int, p: float = 1 - LEVEL) -> float:
    """Return the value that a deviation over its standard error exceeds with probability ``p``: the t quantiles of K-1 and G-1
    degrees of freedom, weighted by the two variances (Cochran 1964, Biometrics 20(1)). A t with Satterthwaite's degrees of
    freedom is exceeded more often than nominal where three seeds carry most of the variance. Its use for these two variances,
    and in Fieller's interval, is ours; docs/explanation/statistics.md has its coverage.
    """
    if seed_variance == 0:
        return t_quantile(clusters - 1, p)
    share = seed_variance / (seed_variance + example_variance)
    return share * t_quantile(seeds - 1, p) + (1 - share) * t_quantile(clusters - 1, p)


def combination(spread: Spread, weights: Sequence[float]) -> Estimate:
    """Return ``weights @ mean`` with its interval: variance from seeds plus variance from examples, Cochran's quantile."""
    w = np.asarray(weights, dtype=np.float64)
    value = float(w @ spread.mean)
    seed, example = spread.variances(w)
    half = critical(seed, example, spread.seeds, spread.clusters) * sqrt(seed + example)
    return Estimate(value=value, low=value - half, high=value + half)


def p_value(spread: Spread, weights: Sequence[float]) -> float:
    """Return the two-sided p-value of "``weights @ mean`` is zero", by the test that ``combination`` inverts; 0 below 1e-100."""
    from scipy.optimize import brentq  # takes longer to import than the rest of the module, in every process that shows results

    w = np.asarray(weights, dtype=np.float64)
    value = float(w @ spread.mean)
    seed, example = spread.variances(w)
    if seed + example == 0:
        return 1.0 if value == 0 else 0.0

    def excess(log_p: float) -> float:
        return critical(seed, example, spread.seeds, spread.clusters, exp(log_p)) - abs(value) / sqrt(seed + example)

    least = log(1e-100)
    return exp(brentq(excess, least, 0)) if excess(least) > 0 else 0.0


def ratio(spread: Spread, over: Sequence[float], under: Sequence[float]) -> Estimate | None:
    """Return A / B with Fieller's interval, for A = ``over @ mean`` and B = ``under @ mean``; None where B is zero.

    The interval is every r with (A - rB)^2 <= q^2 v(r), v(r) = V_aa - 2 r V_ab + r^2 V_bb: between the roots of
    (B^2 - q^2 V_bb) r^2 - 2 (AB - q^2 V_ab) r + (A^2 - q^2 V_aa) = 0 where B^2 > q^2 V_bb, and without finite ends elsewhere.
    q is Cochran's quantile at r = A / B (Fieller 1954, J. R. Stat. Soc. B 16).
    """
    both = np.array([over, under], dtype=np.float64)
    top, bottom = map(float, both @ spread.mean)
    if bottom == 0:
        return None
    value = top / bottom
    seed, example = _covariance(both @ spread.seed @ both.T), both @ spread.example @ both.T
    at = np.array([1, -value])
    parts = [max(0.0, float(at @ part @ at)) for part in (seed, example)]
    q2 = critical(parts[0], parts[1], spread.seeds, spread.clusters) ** 2
    v = q2 * (seed + example)
    square, half, constant = bottom**2 - v[1, 1], top * bottom - v[0, 1], top**2 - v[0, 0]
    if square <= 0:
        return Estimate(value=value, low=None, high=None)
    root = sqrt(max(0.0, half**2 - square * constant))
    return Estimate(value=value, low=(half - root) / square, high=(half + root) / square)


def proportion(spread: Spread, weights: Sequence[float]) -> Estimate:
    """Return the share ``weights @ mean`` of indicators, its interval inside [0, 1]; Wilson's interval for few examples."""
    w = np.asarray(weights, dtype=np.float64)
    return _of_few(combination(spread, weights).within(0, 1), *spread.variances(w), spread, spread.clusters)


def conditional(spread: Spread, over: Sequence[float], under: Sequence[float]) -> Estimate | None:
    """Return the share of the examples counted by ``under`` that ``over`` counts as well; None where ``under`` counts none.

    Fieller's interval inside [0, 1]; Wilson's for few examples, with the variance of the ratio by the delta method.
    """
    quotient = ratio(spread, over, under)
    if quotient is None:
        return None
    bottom = float(np.asarray(under, dtype=np.float64) @ spread.mean)
    w = (np.asarray(over, dtype=np.float64) - quotient.value * np.asarray(under, dtype=np.float64)) / bottom
    return _of_few(quotient.within(0, 1), *spread.variances(w), spread, spread.clusters * bottom)


def _of_few(estimate: Estimate, seed: float, example: float, spread: Spread, draws: float) -> Estimate:
    """Return Wilson's interval (1927, J. Am. Stat. Assoc. 22) where fewer than FEW of ``draws`` are expected on one side, else
    ``estimate``: a share that is or is nearly 0 or 1 has no variance to build an interval from.

    Its number of draws is that of a binomial share of the same variance, at most ``draws``, so that the average over seeds makes
    no interval narrower than a single run's. That number and its quantile (``critical``) are ours.
    """
    p = min(1.0, max(0.0, estimate.value))
    if draws * min(p, 1 - p) >= FEW:
        return estimate
    variance = seed + example
    n = min(draws, p * (1 - p) / variance) if variance > 0 and 0 < p < 1 else draws
    z2 = critical(seed, example, spread.seeds, spread.clusters) ** 2
    centre, half = (p + z2 / (2 * n)) / (1 + z2 / n), sqrt(z2 * (p * (1 - p) / n + z2 / (4 * n * n))) / (1 + z2 / n)
    return Estimate(value=p, low=max(0.0, min(p, centre - half)), high=min(1.0, max(p, centre + half)))


def _covariance(estimate: Array) -> Array:
    """Return the nearest covariance matrix: without the directions in which the estimate is negative."""
    values, vectors = np.linalg.eigh(estimate)
    nearest: Array = (vectors * np.maximum(values, 0)) @ vectors.T
    return nearest


def holm(p_values: Sequence[float]) -> list[float]:
    """Return Holm's step-down adjustment of p-values, in the given order; .05 then bounds the family-wise error (Holm 1979)."""
    adjusted, running = [nan] * len(p_values), 0.0
    for rank, index in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        running = max(running, min(1.0, (len(p_values) - rank) * p_values[index]))
        adjusted[index] = running
    return adjusted


def low_outliers(accuracies: Sequence[float], examples: int) -> list[int]:
    """Return the positions of accuracies that lie more than 3 MAD below the median of the others.

    The MAD (times 1.4826, as for a normal law) of a handful of seeds can be tiny by chance, so it counts as at least one standard
    error of an accuracy on ``examples`` examples. With fewer than three others nothing is an outlier.
    """
    outliers = []
    for index, accuracy in enumerate(accuracies):
        others = np.delete(np.asarray(accuracies, dtype=np.float64), index)
        if len(others) < 3:
            break
        centre = float(np.median(others))
        deviation = 1.4826 * float(np.median(np.abs(others - centre)))
        if centre - accuracy > 3 * max(deviation, sqrt(centre * (1 - centre) / examples)):
            outliers.append(index)
    return outliers
