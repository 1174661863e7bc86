"""Dimensions of examples that can be brushed, in bins."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

BINS = 20


@dataclass(frozen=True)
class Axis:
    """A dimension that can be brushed: bin ``i`` begins at ``low + i * width``; whole numbers are counted, others measured."""

    low: float
    width: float
    whole: bool = False

    @property
    def high(self) -> float:
        return self.low + BINS * self.width

    def bins(self, values: npt.NDArray[Any]) -> npt.NDArray[np.uint8]:
        return np.clip((values - self.low) // self.width, 0, BINS - 1).astype(np.uint8)

    @classmethod
    def spanning(cls, low: float, high: float) -> "Axis":
        """Return the axis from ``low`` to ``high``, of any width where both are equal."""
        return cls(low, ((high - low) or 1) / BINS)
