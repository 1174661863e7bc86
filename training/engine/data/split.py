"""The split of a data set by a hash of each row's group: it does not depend on other rows, their order, or the model.

Test set and locked test set are drawn once for an experiment; a run's seed draws the halves and the validation share of each.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from training.engine.errors import CorruptData
from training.spec import RunSpec

Rows = npt.NDArray[np.int64]

PARTS = ("train", "test", "locked")
"""Parts of a split that a data set gives."""

# Each draw has a stream of its own, so that draws with equal seeds are independent.
TEST, HALVES, VALIDATION, LIMIT, WATCHED, TRUTH, PORTION, RANDOM = range(8)


@dataclass(frozen=True)
class Half:
    """One half, as ascending row numbers: ``train`` is learned from, ``validation`` is only evaluated, for a stop rule."""

    train: Rows
    validation: Rows

    @property
    def rows(self) -> Rows:
        return np.sort(np.concatenate([self.train, self.validation]))


@dataclass(frozen=True)
class Split:
    """The split: ``a`` trains supervisors, ``b`` students and ceilings, ``test`` none. ``locked`` is for a final report.

    ``a`` is empty where its share is 0.
    """

    a: Half
    b: Half
    test: Rows
    locked: Rows

    def half(self, name: str) -> Half:
        return self.a if name == "A" else self.b

    @property
    def parts(self) -> dict[str, Rows]:
        return {
            "half A": self.a.train,
            "validation of A": self.a.validation,
            "half B": self.b.train,
            "validation of B": self.b.validation,
            "test": self.test,
            "locked": self.locked,
        }


def split_for(run: RunSpec, group: Rows, part: npt.NDArray[np.str_] | None = None) -> Split:
    """Return the split of ``run``. ``group`` (n,) are the groups of the rows. Raises CorruptData where a part would be empty.

    Where the data set gives the ``part`` of each row, train, test or locked, only the halves are drawn.
    """
    test, second = draw(group, run.split_seed, TEST), draw(group, run.seed, HALVES) >= run.half_a_fraction
    chosen = test < run.test_fraction if part is None else part == "test"
    locked = ~chosen & (test < run.test_fraction + run.locked_fraction) if part is None else part == "locked"
    free = ~chosen & ~locked
    a, b = (_half(run, group, np.flatnonzero(free & side)) for side in (~second, second))
    split = Split(a, b, np.flatnonzero(chosen), np.flatnonzero(locked))
    needed = (a, b) if run.half_a_fraction else (b,)
    if min(len(half.train) for half in needed) < 2 or not len(split.test):
        halves = "two halves" if run.half_a_fraction else "half B"
        raise CorruptData(f"The data set is too small, or its groups too large, for a test set and {halves}.")
    if run.stop == "validation" and not len(split.half(run.half).validation):
        raise CorruptData(f"Half {run.half} has no validation rows: take a larger share or more rows, or stop at the last step.")
    check_leaks(split, group)
    return split


def _half(run: RunSpec, group: Rows, rows: Rows) -> Half:
    """Return a half with at most ``limit`` of the rows, the first by a hash of their group."""
    if run.limit is not None:
        rows = np.sort(rows[np.argsort(draw(group[rows], run.seed, LIMIT), kind="stable")[: run.limit]])
    validation = draw(group[rows], run.seed, VALIDATION) < run.validation_fraction
    return Half(rows[~validation], rows[validation])


def sample(rows: Rows, group: Rows, seed: int, size: int) -> Rows:
    """Return about ``size`` of ``rows``, in their order: the first by a hash of their group; groups are taken whole."""
    if size >= len(rows):
        return rows
    place = draw(group[rows], seed, WATCHED)
    first: Rows = rows[place <= np.partition(place, size - 1)[size - 1]]
    return first


def draw(group: Rows, seed: int, stream: int) -> npt.NDArray[np.float64]:
    """Return a number in [0, 1) for each group that depends only on it, ``seed`` and ``stream``: SplitMix64 of their mixture.

    The generator is Steele, Lea and Flood's (2014, OOPSLA, "Fast splittable pseudorandom number generators").
    """
    start = _mix(np.array([seed * 8 + stream], np.uint64))
    return (_mix(_mix(group.astype(np.uint64)) ^ start) >> np.uint64(11)).astype(np.float64) * 2.0**-53


def _mix(state: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    state = state + np.uint64(0x9E3779B97F4A7C15)
    state = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    state = (state ^ (state >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return state ^ (state >> np.uint64(31))


def check_leaks(split: Split, group: Rows) -> None:
    """Raise CorruptData where rows of one group are in two parts: such a leak lets a model be tested on rows it has seen."""
    parts = [np.unique(group[rows]) for rows in split.parts.values()]
    if len(np.unique(np.concatenate(parts))) < sum(map(len, parts)):
        raise CorruptData("Rows of one group are in two parts of the split.")
