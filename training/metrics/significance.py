"""Comparison of two methods: on one pair of runs by discordant answers (exact McNemar), and over several data sets by paired
tests: Student's t, Wilcoxon's signed ranks and a sign count, since data sets are few and no two are alike.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from training.base_models import Frozen
from training.metrics.intervals import LEVEL, Estimate, t_quantile

FEWEST_RANKED = 6
"""Data sets below which no outcome of Wilcoxon's test is below .05."""
FEWEST_RESAMPLED = 5
"""Data sets below which resampling adds little to the least and the greatest value."""
RESAMPLES = 10_000


class Discordant(Frozen):
    """Test examples that only one of two runs gets right, and the exact two-sided p-value of equal rates.

    McNemar 1947 as an exact binomial test: p = 2 P(X <= min(first, second)), X the heads of first + second fair coins, at most 1.
    """

    seed: int
    first: int
    second: int
    p: float


class OverSets(Frozen):
    """Differences between a method and the baseline over ``sets`` data sets, in accuracy; a test is None with too few of them."""

    sets: int
    mean: Estimate | None
    """Mean with an interval by Student's t over data sets."""
    t: float | None
    wilcoxon: float | None
    better: int
    worse: int


def mcnemar(seed: int, first: npt.NDArray[np.bool_], second: npt.NDArray[np.bool_]) -> Discordant:
    """Return the discordant answers of a seed. ``first`` and ``second`` (n,) are true where each run is right."""
    from scipy.special import bdtr  # as in t_quantile

    first_only, second_only = int((first & ~second).sum()), int((second & ~first).sum())
    return Discordant(
        seed=seed,
        first=first_only,
        second=second_only,
        p=min(1.0, 2 * float(bdtr(min(first_only, second_only), first_only + second_only, 0.5))),
    )


def over_sets(differences: Sequence[float]) -> OverSets:
    """Return the tests over data sets. ``differences`` has one number for each data set."""
    # Takes a second to import, which pages without comparisons need not pay.
    from scipy.stats import ttest_1samp, wilcoxon

    values = np.asarray(differences, dtype=np.float64)
    n, mean, t = len(values), None, None
    if n > 1:
        half = t_quantile(n - 1) * float(values.std(ddof=1)) / np.sqrt(n)
        centre = float(values.mean())
        mean = Estimate(value=centre, low=centre - half, high=centre + half)
        t = float(ttest_1samp(values, 0).pvalue) if half else None
    ranked = float(wilcoxon(values).pvalue) if (values != 0).sum() >= FEWEST_RANKED else None
    return OverSets(sets=n, mean=mean, t=t, wilcoxon=ranked, better=int((values > 0).sum()), worse=int((values < 0).sum()))


def median_of(values: Sequence[float]) -> Estimate | None:
    """Return the median with a 95% percentile interval from resampling ``values``, one per data set; no ends below five."""
    if not len(values):
        return None
    sample = np.asarray(values, dtype=np.float64)
    centre = float(np.median(sample))
    if len(sample) < FEWEST_RESAMPLED:
        return Estimate(value=centre, low=None, high=None)
    drawn = np.random.default_rng(0).integers(0, len(sample), (RESAMPLES, len(sample)))
    low, high = np.quantile(np.median(sample[drawn], axis=1), [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Estimate(value=centre, low=float(low), high=float(high))
