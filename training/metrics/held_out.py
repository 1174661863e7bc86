"""Predictions of runs on the held-out examples, from which every metric is computed."""

from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from training.storage.predictions import Predictions
from training.storage.probabilities import probability_of
from training.storage.written_answers import Outputs, WrittenAnswers, same_answers


class Tested(NamedTuple):
    """Predictions of one run on the test set, in the order of the examples' ids.

    ``label`` is the class that the run predicts, or the answer that it wrote; ``gold`` is the true one, of written answers the
    first accepted. ``classes`` is None for written answers.
    """

    id: npt.NDArray[np.int64]
    group: npt.NDArray[np.int64]
    gold: npt.NDArray[Any]
    label: npt.NDArray[Any]
    right: npt.NDArray[np.bool_]
    classes: int | None
    easiness: npt.NDArray[np.floating]
    """The values that order examples, the easiest first: the probability of the true label, or less of the difficulty."""

    def same(self, other: "Tested") -> npt.NDArray[np.bool_]:
        """Return where both give the same label or answer; no answer equals none."""
        if self.classes is None:
            return same_answers(self.label, other.label)
        same: npt.NDArray[np.bool_] = self.label == other.label
        return same


HeldOut = Literal["test", "locked"]


def same_examples(first: Tested, second: Tested) -> bool:
    return all(np.array_equal(getattr(first, name), getattr(second, name)) for name in ("id", "group", "gold", "classes"))


def test_of(predictions: Outputs, key: str, on: HeldOut) -> Tested:
    """Return the held-out part of a run's predictions, checked. Raises ValueError for probabilities outside [0, 1]."""
    part = predictions.part(on)
    if isinstance(part, Predictions) and not np.all((part.prob >= 0) & (part.prob <= 1)):
        raise ValueError(f"Run {key[:12]} predicts something that is not a probability.")
    if not len(part.id):
        raise ValueError(f"Run {key[:12]} has no predictions on the {on} set.")
    part = part.take(np.argsort(part.id, kind="stable"))
    if isinstance(part, WrittenAnswers):
        return Tested(part.id, part.group, part.gold, part.answer, part.right, None, -part.difficulty)
    of_gold = probability_of(part.prob, part.gold)
    return Tested(part.id, part.group, part.gold, part.label, part.right, part.classes, of_gold)
