"""Predictions of runs on the held-out examples, from which every metric is computed."""

from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from training.storage.predictions import Predictions
from training.storage.probabilities import probability_of


class Tested(NamedTuple):
    """Predictions of one run on the test set, in the order of the examples' ids."""

    id: npt.NDArray[np.int64]
    group: npt.NDArray[np.int64]
    gold: npt.NDArray[np.int8]
    label: npt.NDArray[np.int8]
    classes: int
    of_gold: npt.NDArray[np.float32]
    """The run's probability of the true label."""

    @property
    def right(self) -> npt.NDArray[np.bool_]:
        right: npt.NDArray[np.bool_] = self.label == self.gold
        return right


HeldOut = Literal["test", "locked"]


def same_examples(first: Tested, second: Tested) -> bool:
    return all(np.array_equal(getattr(first, name), getattr(second, name)) for name in ("id", "group", "gold", "classes"))


def test_of(predictions: Predictions, key: str, on: HeldOut) -> Tested:
    """Return the held-out part of a run's predictions, checked. Raises ValueError for probabilities outside [0, 1]."""
    part = predictions.part(on)
    if not np.all((part.prob >= 0) & (part.prob <= 1)):
        raise ValueError(f"Run {key[:12]} predicts something that is not a probability.")
    if not len(part.id):
        raise ValueError(f"Run {key[:12]} has no predictions on the {on} set.")
    part = part.take(np.argsort(part.id, kind="stable"))
    return Tested(part.id, part.group, part.gold, part.label, part.classes, probability_of(part.prob, part.gold))
