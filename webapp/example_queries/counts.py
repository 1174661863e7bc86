"""Counts of the cells of a slice, and the accuracies and agreements that follow from them, with intervals."""

from collections.abc import Collection
from dataclasses import dataclass

import duckdb
import numpy as np
import numpy.typing as npt

from training.metrics.intervals import Estimate, Spread, conditional, proportion
from webapp.example_queries.filters import Where
from webapp.example_queries.view import CELLS, SEATS, View

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Counts:
    """Counts by kind, a cell and whether student and supervisor give the same answer: kind 2 (cell - 1) + agree.

    ``alone`` (16,) counts examples whose group has no other example. For the rest ``number`` counts examples of ``kind`` in
    ``group`` (entry by entry; groups are numbered).
    """

    alone: Array
    group: npt.NDArray[np.int32]
    kind: npt.NDArray[np.int64]
    number: Array

    @property
    def kinds(self) -> Array:
        return self.alone + np.bincount(self.kind, self.number, len(self.alone))

    @property
    def cells(self) -> dict[int, int]:
        return {cell: int(self.kinds[2 * cell - 2] + self.kinds[2 * cell - 1]) for cell in CELLS}

    @property
    def rows(self) -> int:
        return int(self.kinds.sum())


@dataclass(frozen=True)
class Measures:
    """Measures of a slice of ``rows`` examples; None without examples, and where the filter decides the value."""

    rows: int
    accuracy: dict[str, Estimate | None]
    """Accuracies by seat."""
    agreement: Estimate | None
    """Share on which student and supervisor give the same label."""
    agreement_right: Estimate | None
    """The same share, among examples on which the supervisor is right."""
    agreement_wrong: Estimate | None
    decided: frozenset[str] = frozenset()
    """Measures that follow from the chosen cells or labels alone: a seat, "agreement", "agreement_right", "agreement_wrong"."""


def count(cursor: duckdb.DuckDBPyConnection, selected: Where) -> Counts:
    sql = f"""SELECT if(shared, grp_number, -1) AS grp, (2 * (cell - 1) + agree::INTEGER)::BIGINT AS kind, count(*) AS number
              FROM examples{selected.sql} GROUP BY ALL"""  # nosec B608 # names are ours, values are parameters
    columns = cursor.execute(sql, selected.parameters).fetchnumpy()
    group, kind, number = columns["grp"], columns["kind"].astype(np.int64), columns["number"].astype(np.float64)
    shared = group >= 0
    alone = np.bincount(kind[~shared], number[~shared], 2 * len(CELLS)).astype(np.float64)
    return Counts(alone, group[shared], kind[shared], number[shared])


WEAK, STUDENT, CEILING, AGREE, AGREE_RIGHT, AGREE_WRONG, WEAK_WRONG = np.eye(7).tolist()


def quantities() -> Array:
    """Return the contribution of an example of each kind (16, 7): each seat right, agreement, its two parts, supervisor wrong."""
    kind = np.arange(2 * len(CELLS))
    cell, agree = kind // 2, kind % 2 == 1
    weak, student, ceiling = (cell & bit == 0 for bit in (4, 2, 1))
    return np.stack([weak, student, ceiling, agree, agree & weak, agree & ~weak, ~weak], axis=1).astype(np.float64)


def measure_slice(counts: Counts, cells: Collection[int], classes: int | None, decided: frozenset[str] = frozenset()) -> Measures:
    """Return the measures of the examples in ``cells``, or in all cells if none is given, without those that are ``decided``."""
    chosen = np.repeat([not cells or cell in cells for cell in CELLS], 2).astype(np.float64)
    alone, number = counts.alone * chosen, counts.number * chosen[counts.kind]
    rows = float(alone.sum() + number.sum())
    if not rows:
        return Measures(0, dict.fromkeys(SEATS), None, None, None)
    spread = _spread(alone, counts.group, counts.kind, number, rows)
    if spread is None:
        measures = _pointwise(alone + np.bincount(counts.kind, number, len(alone)), int(rows))
    else:
        measures = Measures(
            int(rows),
            {seat: proportion(spread, weights) for seat, weights in zip(SEATS, (WEAK, STUDENT, CEILING), strict=True)},
            proportion(spread, AGREE),
            conditional(spread, AGREE_RIGHT, WEAK),
            conditional(spread, AGREE_WRONG, WEAK_WRONG),
        )
    decided |= decided_by(cells, classes) if cells else frozenset()
    return _without_decided(measures, decided) if decided else measures


def labels_decide(view: View) -> frozenset[str]:
    """Return the quantities that follow from the labels that the view asks for: accuracies, and whether two models agree."""
    labelled = {seat for seat in SEATS if view.label_of(seat) is not None}
    seats = labelled if view.gold is not None else set()
    agreement = {"agreement", "agreement_right", "agreement_wrong"} if {"weak", "student"} <= labelled else set()
    return frozenset(seats | agreement)


def decided_by(cells: Collection[int], classes: int | None) -> frozenset[str]:
    """Return the quantities that have one value for all examples of ``cells``, whatever the predictions: no estimates.

    ``classes`` is None for written answers, of which two right ones may differ.
    """
    weak, student, ceiling, agree, agree_right, agree_wrong, weak_wrong = quantities().T.astype(bool)
    kinds = np.repeat([cell in cells for cell in CELLS], 2)
    if classes == 2:  # then equal labels are both right or both wrong
        kinds &= agree == (weak == student)
    else:
        kinds &= ~((weak ^ student) & agree)
        if classes is not None:  # two right answers are the same label
            kinds &= ~((weak & student) & ~agree)
    quantity = {
        **dict(zip(SEATS, ((weak, kinds), (student, kinds), (ceiling, kinds)), strict=True)),
        "agreement": (agree, kinds),
        "agreement_right": (agree_right, kinds & weak),
        "agreement_wrong": (agree_wrong, kinds & weak_wrong),
    }
    return frozenset(name for name, (value, among) in quantity.items() if len(set(value[among].tolist())) == 1)


def _without_decided(measures: Measures, decided: frozenset[str]) -> Measures:
    return Measures(
        measures.rows,
        {seat: None if seat in decided else value for seat, value in measures.accuracy.items()},
        None if "agreement" in decided else measures.agreement,
        None if "agreement_right" in decided else measures.agreement_right,
        None if "agreement_wrong" in decided else measures.agreement_wrong,
        decided,
    )


def _spread(alone: Array, group: npt.NDArray[np.int32], kind: npt.NDArray[np.int64], number: Array, rows: float) -> Spread | None:
    """Return the spread that ``metrics.intervals.measure`` computes, from counts; None for fewer than two groups."""
    values = quantities()
    total = alone + np.bincount(kind, number, len(alone))
    mean = total @ values / rows
    deviation = values - mean
    size = int(group.max(initial=-1)) + 1
    clusters = int(alone.sum()) + int(np.count_nonzero(np.bincount(group, number, size)))
    if clusters < 2:
        return None
    sums = np.stack([np.bincount(group, number * column[kind], size) for column in deviation.T], axis=1)
    squares = (deviation * alone[:, None]).T @ deviation + sums.T @ sums
    example = clusters / (clusters - 1) * squares / rows**2
    return Spread(mean, np.zeros_like(example), example, 1, clusters)


def _pointwise(total: Array, rows: int) -> Measures:
    """Return shares without intervals."""
    share = total @ quantities()
    plain = [Estimate(value=float(value) / rows, low=None, high=None) for value in share]
    right, wrong = (
        Estimate(value=float(share[at] / share[of]), low=None, high=None) if share[of] else None for at, of in ((4, 0), (5, 6))
    )
    return Measures(rows, dict(zip(SEATS, plain, strict=False)), plain[3], right, wrong)
