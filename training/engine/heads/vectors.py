"""The inputs of heads as vectors: rows of features, or the word counts of texts."""

from collections.abc import Iterable
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from training.catalog.models import BAG_OF_WORDS_BUCKETS
from training.engine.data.split import Rows
from training.engine.models.inputs import Inputs, Pairs, Ragged

CACHE_BYTES = 2**28
"""Most bytes of vectors that stay in memory for further evaluations of the same rows."""


class Vectors:
    """The vectors of the rows of ``inputs``. A pair has the difference of its two vectors.

    A head's logit of a pair is the difference of two scores, which is the score of the difference without the bias.
    """

    def __init__(self, inputs: Inputs) -> None:
        self.inputs = inputs
        self.biased = not isinstance(inputs, Pairs)
        self._cache = dict[bytes, list[Tensor]]()
        self._bytes = 0

    @cached_property
    def width(self) -> int:
        return self.of(np.zeros(1, np.int64)).shape[1]

    def of(self, rows: Rows) -> Tensor:
        """Return the vectors (n, width) float32 of ``rows`` (n,), on the CPU."""
        return _vectors(self.inputs, rows)

    def parts(self, rows: Rows) -> Iterable[Tensor]:
        """Return the vectors of ``rows`` in parts, which are cached for the next call if they are few enough."""
        name = rows.tobytes()
        if (cached := self._cache.get(name)) is not None:
            return cached
        parts = (self.of(rows[start : start + 8192]) for start in range(0, len(rows), 8192))
        size = 4 * len(rows) * self.width
        if self._bytes + size > CACHE_BYTES:
            return parts
        self._bytes += size
        return self._cache.setdefault(name, list(parts))


def _vectors(inputs: Inputs, rows: Rows) -> Tensor:
    if isinstance(inputs, Pairs):
        return _vectors(inputs.first, rows) - _vectors(inputs.second, rows)
    if isinstance(inputs, Ragged):
        ids, mask = inputs.batch(rows)
        return torch.zeros(len(rows), BAG_OF_WORDS_BUCKETS).scatter_add_(1, ids, mask)
    (vectors,) = inputs.batch(rows)
    return vectors
