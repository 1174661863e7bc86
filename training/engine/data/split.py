"""Who sees what: a test set that is the same for all seeds, and two halves that a seed draws. Groups never part company."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from training.engine.errors import CorruptData
from training.spec import RunSpec

Rows = npt.NDArray[np.int64]

# Each draw has a stream of its own, so that equal seeds of two draws have nothing to do with each other.
TEST, HALVES, LIMIT_A, LIMIT_B = range(4)


@dataclass(frozen=True)
class Split:
    """Row numbers, ascending: ``a`` teaches supervisors, ``b`` students and ceilings, ``test`` nobody."""

    a: Rows
    b: Rows
    test: Rows

    def half(self, name: str) -> Rows:
        return self.a if name == "A" else self.b


def split_for(run: RunSpec, group: Rows) -> Split:
    """The split of ``run``. ``group`` (n,) says which rows belong together. Raises CorruptData where a part would be empty."""
    test, rest = divide(group, np.arange(len(group)), run.test_fraction, [run.split_seed, TEST])
    a, b = divide(group, rest, 0.5, [run.seed, HALVES])
    split = Split(_limited(a, run.limit, [run.seed, LIMIT_A]), _limited(b, run.limit, [run.seed, LIMIT_B]), test)
    if min(len(split.a), len(split.b)) < 2 or not len(split.test):
        raise CorruptData("The data set is too small, or its groups too large, for a test set and two halves.")
    check_leaks(split, group)
    return split


def divide(group: Rows, rows: Rows, fraction: float, seed: list[int]) -> tuple[Rows, Rows]:
    """``rows`` in two parts, the first with about ``fraction`` of them and never more, by whole groups in random order."""
    groups, sizes = np.unique(group[rows], return_counts=True)
    order = np.random.default_rng(seed).permutation(len(groups))
    taken = np.searchsorted(np.cumsum(sizes[order]), fraction * len(rows), side="right")
    first = np.isin(group[rows], groups[order[:taken]])
    return rows[first], rows[~first]


def check_leaks(split: Split, group: Rows) -> None:
    """Raises CorruptData where rows of one group are in two parts: a leak lets a model be tested on what it has seen."""
    parts = [np.unique(group[rows]) for rows in (split.a, split.b, split.test)]
    if len(np.unique(np.concatenate(parts))) < sum(map(len, parts)):
        raise CorruptData("Rows of one group are in two parts of the split.")


def _limited(rows: Rows, limit: int | None, seed: list[int]) -> Rows:
    if limit is None or len(rows) <= limit:
        return rows
    return np.sort(np.random.default_rng(seed).choice(rows, limit, replace=False))
