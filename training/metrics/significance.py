"""Two methods compared: on one pair of runs by their discordant answers (exact McNemar), and over several data sets by paired
tests: Student's t, Wilcoxon's signed ranks and a sign count, since data sets are few and no two are alike.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy.special import bdtr

from training.base_models import Frozen
from training.metrics.intervals import LEVEL, Estimate, t_quantile

FEWEST_RANKED = 6
"""Of fewer data sets no outcome of Wilcoxon's test is below .05."""
FEWEST_RESAMPLED = 5
"""Fewer data sets, resampled, hardly say more than the least and the greatest."""
RESAMPLES = 10_000


class Discordant(Frozen):
    """Test examples that one of two runs alone gets right, and the exact two-sided p-value that they are as many either way.

    McNemar 1947 as an exact binomial test: p = 2 P(X <= min(first, second)), X of first + second fair coins, at most 1.
    """

    seed: int
    first: int
    second: int
    p: float


class OverSets(Frozen):
    """Differences of a method and the baseline over ``sets`` data sets, in accuracy; a test is None where there are too few."""

    sets: int
    mean: Estimate | None
    """Student's t over data sets."""
    t: float | None
    wilcoxon: float | None
    better: int
    worse: int


def mcnemar(seed: int, first: npt.NDArray[np.bool_], second: npt.NDArray[np.bool_]) -> Discordant:
    """``first`` and ``second`` (n,) are whether each run is right on each test example of this seed."""
    one, two = int((first & ~second).sum()), int((second & ~first).sum())
    return Discordant(seed=seed, first=one, second=two, p=min(1.0, 2 * float(bdtr(min(one, two), one + two, 0.5))))


def over_sets(differences: Sequence[float]) -> OverSets:
    """``differences`` has one number for each data set."""
    # A second of imports, which pages that compare nothing need not pay.
    from scipy.stats import ttest_1samp, wilcoxon

    found = np.asarray(differences, dtype=np.float64)
    n, mean, t = len(found), None, None
    if n > 1:
        half = t_quantile(n - 1) * float(found.std(ddof=1)) / np.sqrt(n)
        centre = float(found.mean())
        mean = Estimate(value=centre, low=centre - half, high=centre + half)
        t = float(ttest_1samp(found, 0).pvalue) if half else None
    ranked = float(wilcoxon(found).pvalue) if (found != 0).sum() >= FEWEST_RANKED else None
    return OverSets(sets=n, mean=mean, t=t, wilcoxon=ranked, better=int((found > 0).sum()), worse=int((found < 0).sum()))


def median_of(values: Sequence[float]) -> Estimate | None:
    """The median with a 95% percentile interval from resampled ``values``, one for each data set; no ends for fewer than five."""
    if not len(values):
        return None
    found = np.asarray(values, dtype=np.float64)
    centre = float(np.median(found))
    if len(found) < FEWEST_RESAMPLED:
        return Estimate(value=centre, low=None, high=None)
    drawn = np.random.default_rng(0).integers(0, len(found), (RESAMPLES, len(found)))
    low, high = np.quantile(np.median(found[drawn], axis=1), [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Estimate(value=centre, low=float(low), high=float(high))
