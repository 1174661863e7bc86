"""What a model is fed with: rows of a matrix, texts of different lengths, or pairs. All give batches and small parts."""

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
        """The arguments of the model's ``forward`` for these rows, on the CPU."""

    def parts(self, rows: Rows) -> list[Rows]:
        """Positions in ``rows``, each once, in parts small enough that a stop is noticed between two of them."""

    def halved(self) -> "Inputs | None":
        """The same inputs in parts half the size; None where they cannot be smaller."""


@dataclass(frozen=True)
class Dense:
    """A feature vector for each row: (rows, width) float32, mapped from disk or in memory."""

    matrix: npt.NDArray[np.float32]

    def batch(self, rows: Rows) -> tuple[Tensor, ...]:
        return (torch.from_numpy(self.matrix[rows]),)

    def parts(self, rows: Rows) -> list[Rows]:
        return np.split(np.arange(len(rows)), range(8192, len(rows), 8192))

    def halved(self) -> Inputs | None:
        return None


@dataclass(frozen=True)
class Ragged:
    """Token ids: row i is ``ids[starts[i] : starts[i] + lengths[i]]``. A part has at most ``budget`` tokens, padding included."""

    ids: npt.NDArray[np.int64]
    starts: Rows
    lengths: Rows
    budget: int

    @classmethod
    def of(cls, texts: Iterable[Sequence[int]], budget: int) -> "Ragged":
        arrays = [np.asarray(text, np.int64) for text in texts]
        lengths = np.array([len(array) for array in arrays], np.int64)
        return cls(np.concatenate(arrays), np.cumsum(lengths) - lengths, lengths, budget)

    def batch(self, rows: Rows) -> tuple[Tensor, ...]:
        """Ids (n, longest) int64 and mask (n, longest) float32. The mask is from lengths: no id doubles as a sign for padding."""
        lengths = self.lengths[rows]
        column = np.arange(max(1, lengths.max()))
        mask = column < lengths[:, None]
        ids = np.zeros(mask.shape, np.int64)
        ids[mask] = self.ids[(self.starts[rows][:, None] + column)[mask]]
        return torch.from_numpy(ids), torch.from_numpy(mask.astype(np.float32))

    def parts(self, rows: Rows) -> list[Rows]:
        """Shortest texts first, so that little padding is computed."""
        order = np.argsort(self.lengths[rows], kind="stable")
        lengths = np.maximum(self.lengths[rows][order], 1)
        parts, start = [], 0
        while start < len(rows):
            window = lengths[start : start + self.budget]
            padded = np.arange(1, len(window) + 1) * window
            size = max(1, int(np.searchsorted(padded, self.budget, side="right")))
            parts.append(order[start : start + size])
            start += size
        return parts

    def halved(self) -> Inputs | None:
        return replace(self, budget=self.budget // 2) if self.budget > 1 else None


@dataclass(frozen=True)
class Pairs:
    """Two inputs for each row, whose scores are compared; a part is small enough for both of them."""

    first: Inputs
    second: Inputs

    def batch(self, rows: Rows) -> tuple[Tensor, ...]:
        """The arguments for the first texts, then as many for the second ones."""
        return (*self.first.batch(rows), *self.second.batch(rows))

    def parts(self, rows: Rows) -> list[Rows]:
        return [part[smaller] for part in self.first.parts(rows) for smaller in self.second.parts(rows[part])]

    def halved(self) -> Inputs | None:
        first, second = self.first.halved(), self.second.halved()
        return Pairs(first, second) if first and second else None
