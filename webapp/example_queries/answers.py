"""What a model's predictions mean for the explorer: its label, how sure it is of it, and how likely it finds the gold label.

The one place that knows the shape of predictions: everything after it is in these terms.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from training.storage.predictions import Predictions, Trajectory


@dataclass(frozen=True)
class Answers:
    """Of one model, one entry per example."""

    label: npt.NDArray[np.int16]
    confidence: npt.NDArray[np.float32]
    """Probability of its own label."""
    of_gold: npt.NDArray[np.float32]
    """Probability of the gold label."""
    prob: npt.NDArray[np.float32]
    """What is drawn: the probability of class 1, with more than two classes that of the gold label."""


def answers(predictions: Predictions) -> Answers:
    label = predictions.label.astype(np.int16)
    confidence, of_gold = (_of(predictions.prob, which) for which in (label, predictions.gold))
    return Answers(label, confidence, of_gold, predictions.prob if predictions.classes == 2 else of_gold)


def _of(prob: npt.NDArray[np.float32], label: npt.NDArray[np.integer]) -> npt.NDArray[np.float32]:
    """The probability (n,) of ``label`` (n,), from that of class 1 (n,) or of all classes (n, K)."""
    found: npt.NDArray[np.float32] = (
        np.where(label == 1, prob, 1 - prob) if prob.ndim == 1 else prob[np.arange(len(label)), label]
    )
    return found.astype(np.float32)


def shift(one: Predictions, other: Predictions) -> npt.NDArray[np.float32]:
    """|student - supervisor| for each example: total variation between the two, which with two classes is |p - p'|."""
    between: npt.NDArray[np.float32] = np.abs(other.prob - one.prob).astype(np.float32)
    return between if between.ndim == 1 else between.sum(axis=1) / np.float32(2)


def flips(trajectory: Trajectory, at: npt.NDArray[np.int64], label: npt.NDArray[np.int16]) -> npt.NDArray[np.int64]:
    """First step from which the student's label differs from its supervisor's, ``label`` (n,), to the end; -1 for none.

    ``at`` (n,) are the examples' places in the trajectory, -1 of those that were not watched while the student was trained.
    """
    differs = (trajectory.label[:, at] != label) & (at >= 0)
    stays = np.flip(np.logical_and.accumulate(np.flip(differs, axis=0), axis=0), axis=0)
    return np.where(stays.any(axis=0), trajectory.steps[stays.argmax(axis=0)], -1)
