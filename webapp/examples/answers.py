"""What a model's predictions mean for the explorer: its label, how sure it is of it, and how likely it finds the gold label.

The one place that knows the shape of predictions: everything after it is in these terms.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from training.artifacts import Predictions, Trajectory

CLASSES = 2


@dataclass(frozen=True)
class Answers:
    """Of one model, one entry per example: ``prob`` (n,) is the probability of class 1."""

    label: npt.NDArray[np.int16]
    confidence: npt.NDArray[np.float32]
    """Probability of its own label."""
    of_gold: npt.NDArray[np.float32]
    """Probability of the gold label."""
    prob: npt.NDArray[np.float32]


def answers(predictions: Predictions) -> Answers:
    prob, gold = predictions.prob, predictions.gold
    label = predictions.label.astype(np.int16)
    return Answers(
        label=label,
        confidence=np.where(label == 1, prob, 1 - prob).astype(np.float32),
        of_gold=np.where(gold == 1, prob, 1 - prob).astype(np.float32),
        prob=prob.astype(np.float32),
    )


def shift(one: Predictions, other: Predictions) -> npt.NDArray[np.float32]:
    """|student - supervisor| for each example: total variation between the two, which with two classes is |p - p'|."""
    between: npt.NDArray[np.float32] = np.abs(other.prob - one.prob).astype(np.float32)
    return between


def flips(trajectory: Trajectory, at: npt.NDArray[np.int64], label: npt.NDArray[np.int16]) -> npt.NDArray[np.int64]:
    """First step from which the student's label differs from its supervisor's, ``label`` (n,), to the end; -1 for none.

    ``at`` (n,) are the examples' places in the trajectory.
    """
    differs = trajectory.label[:, at] != label
    stays = np.flip(np.logical_and.accumulate(np.flip(differs, axis=0), axis=0), axis=0)
    return np.where(stays.any(axis=0), trajectory.steps[stays.argmax(axis=0)], -1)
