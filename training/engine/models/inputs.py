"""Inputs of models: rows of a matrix, texts of different lengths, or pairs. All give batches and small parts."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from training.engine.data.split import Rows


class Inputs(Protocol):
    def batch(self, rows: Rows) -> tuple[Tensor, ...]:
        """Return the arguments of the model's ``forward`` for these rows, on the CPU."""

    def used(self, rows: Rows) -> Tensor | None:
        """Return the distinct token ids in these rows and that of padding; None for inputs without tokens."""

    def tokens(self, rows: Rows) -> int | None:
        """Return the number of tokens in these rows; None for inputs without tokens."""

    def parts(self, rows: Rows) -> list[Rows]:
        """Return positions in ``rows``, each once, in parts small enough for a stop check between two of them."""

    def together(self, rows: Rows) -> bool:
        """Return whether the states of all parts of these rows fit together, for one gradient through all of them."""

    def halved(self) -> "Inputs | None":
        """Return the same inputs in parts of half the size; None where they cannot be smaller."""


@dataclass(frozen=True)
class Dense:
    """A feature vector for each row: (rows, width) floats, mapped from disk or in memory. Batches are float32."""

    matrix: npt.NDArray[np.floating]

    def batch(self, rows: Rows) -> tuple[Tensor, ...]:
        # A plain array: NumPy's class for mapped ones takes longer to look for its file than to read a batch.
        return (torch.from_numpy(np.asarray(self.matrix)[rows].astype(np.float32, copy=False)),)

    def used(self, rows: Rows) -> Tensor | None:
        return None

    def tokens(self, rows: Rows) -> int | None:
        return None

    def parts(self, rows: Rows) -> list[Rows]:
        return np.split(np.arange(len(rows)), range(8192, len(rows), 8192))

    def together(self, rows: Rows) -> bool:
        return len(rows) <= 8192

    def halved(self) -> Inputs | None:
        return None


@dataclass(frozen=True)
class Ragged:
    """Token ids: row i is ``ids[starts[i] : starts[i] + lengths[i]]``. A part has at most ``budget`` tokens.

    Padding counts unless the inputs are ``packed``. ``overhead`` is the cost of one more part, in tokens: parts are made smaller
    only where that saves more padding. A device with slow launches needs few parts; with an overhead as large as the budget, only
    the budget cuts.
    """

    ids: npt.NDArray[np.integer]
    starts: Rows
    lengths: Rows
    budget: int
    overhead: int
    packed: bool = False

    @classmethod
    def of(cls, texts: Iterable[Sequence[int]], budget: int, overhead: int | None = None) -> "Ragged":
        arrays = [np.asarray(text, np.int64) for text in texts]
        lengths = np.array([len(array) for array in arrays], np.int64)
        return cls(np.concatenate(arrays), starts_of(lengths), lengths, budget, budget if overhead is None else overhead)

    @property
    def largest(self) -> int:
        """Return the largest token id of all texts."""
        return int(self.ids.max())

    def used(self, rows: Rows) -> Tensor | None:
        distinct = np.unique(np.concatenate([np.unique(self.ids[self.starts[row] :][: self.lengths[row]]) for row in rows]))
        return torch.from_numpy(np.union1d(distinct, [0]).astype(np.int64))

    def tokens(self, rows: Rows) -> int | None:
        return int(self.lengths[rows].sum())

    def batch(self, rows: Rows) -> tuple[Tensor, ...]:
        """Return ids (n, longest) int64 and mask (n, longest) float32. The mask is derived from lengths: no id marks padding."""
        lengths = self.lengths[rows]
        column = np.arange(max(1, lengths.max()))
        mask = column < lengths[:, None]
        ids = np.zeros(mask.shape, np.int64)
        ids[mask] = np.asarray(self.ids)[(self.starts[rows][:, None] + column)[mask]]
        return torch.from_numpy(ids), torch.from_numpy(mask.astype(np.float32))

    def parts(self, rows: Rows) -> list[Rows]:
        """Return the parts, shortest texts first, cut for the least padding and overhead together."""
        lengths = np.maximum(self.lengths[rows], 1)
        order = np.argsort(lengths, kind="stable")
        if self.packed:
            return np.split(order, full(lengths[order], self.budget))
        parts = []
        for bucket in np.split(order, cuts(lengths[order], self.overhead)):
            size = max(1, self.budget // int(lengths[bucket[-1]]))
            parts += np.split(bucket, range(size, len(bucket), size))
        return parts

    def together(self, rows: Rows) -> bool:
        if self.packed:
            return int(np.maximum(self.lengths[rows], 1).sum()) <= self.budget
        if len(rows) * self.lengths[rows].max() <= self.budget:
            return True
        return sum(len(part) * max(1, int(self.lengths[rows[part]].max())) for part in self.parts(rows)) <= self.budget

    def halved(self) -> Inputs | None:
        return replace(self, budget=self.budget // 2) if self.budget > 1 else None


@dataclass(frozen=True)
class Pairs:
    """Two inputs for each row, whose scores are compared; a part is small enough for both of them."""

    first: Inputs
    second: Inputs

    def batch(self, rows: Rows) -> tuple[Tensor, ...]:
        """Return the arguments for the first texts, then as many for the second ones."""
        return (*self.first.batch(rows), *self.second.batch(rows))

    def used(self, rows: Rows) -> Tensor | None:
        first, second = self.first.used(rows), self.second.used(rows)
        return None if first is None or second is None else torch.unique(torch.cat([first, second]))

    def tokens(self, rows: Rows) -> int | None:
        first, second = self.first.tokens(rows), self.second.tokens(rows)
        return None if first is None or second is None else first + second

    def parts(self, rows: Rows) -> list[Rows]:
        return [part[smaller] for part in self.first.parts(rows) for smaller in self.second.parts(rows[part])]

    def together(self, rows: Rows) -> bool:
        return self.first.together(rows) and self.second.together(rows)

    def halved(self) -> Inputs | None:
        first, second = self.first.halved(), self.second.halved()
        return Pairs(first, second) if first and second else None


def starts_of(lengths: Rows) -> Rows:
    """Return the start of each row when rows of these lengths are concatenated."""
    return np.cumsum(lengths) - lengths


def full(lengths: Rows, budget: int) -> list[int]:
    """Return the cuts of ``lengths`` (n,) into parts of at most ``budget`` tokens, or of one row."""
    ends, at = np.cumsum(lengths), list[int]()
    while (start := at[-1] if at else 0) < len(lengths):
        before = ends[start - 1] if start else 0
        at.append(max(start + 1, int(np.searchsorted(ends, before + budget, side="right"))))
    return at[:-1]


def cuts(lengths: Rows, overhead: int) -> Rows:
    """Return the cuts of ascending ``lengths`` (n,) into parts, each padded to its longest, for the least tokens in all.

    Each part counts ``overhead`` extra tokens. Exact, by dynamic programming over the distinct lengths.
    """
    if len(lengths) * lengths[-1] - lengths.sum() <= overhead:
        return np.zeros(0, np.int64)  # no cut saves what it costs
    longest, counts = np.unique(lengths, return_counts=True)
    ends = np.concatenate([[0], np.cumsum(counts)])
    least, came_from = np.zeros(len(ends)), np.zeros(len(ends), np.int64)
    for end in range(1, len(ends)):
        cost = least[:end] + (ends[end] - ends[:end]) * longest[end - 1] + overhead
        came_from[end] = np.argmin(cost)
        least[end] = cost[came_from[end]]
    ends_at = [came_from[-1]]
    while ends_at[-1]:
        ends_at.append(came_from[ends_at[-1]])
    return ends[ends_at[-2::-1]] if len(ends_at) > 1 else ends[:0]
