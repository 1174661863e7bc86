"""Answers of a model, in the terms of the explorer: its label, the probability of that label, and that of the gold label."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from training.storage.predictions import Predictions, Trajectory
from training.storage.probabilities import Probabilities, classes_of, probability_of, total_variation


@dataclass(frozen=True)
class Answers:
    """Answers of one model, one entry per example."""

    label: npt.NDArray[np.int16]
    confidence: npt.NDArray[np.float32]
    """Probability of its own label."""
    of_gold: npt.NDArray[np.float32]
    """Probability of the gold label."""
    prob: npt.NDArray[np.float32]
    """The probability that is drawn, see ``drawn``."""


def answers(predictions: Predictions) -> Answers:
    label = predictions.label.astype(np.int16)
    confidence, of_gold = (probability_of(predictions.prob, labels) for labels in (label, predictions.gold))
    return Answers(label, confidence, of_gold, drawn(predictions.prob, predictions.gold))


def drawn(prob: Probabilities, gold: npt.NDArray[np.integer]) -> Probabilities:
    """Return the probabilities (n,) that are drawn: of class 1 with two classes, of the gold label with more."""
    return prob if classes_of(prob) == 2 else probability_of(prob, gold)


def shift(supervisor: Predictions, student: Predictions) -> Probabilities:
    """Return |student - supervisor| for each example: the total variation distance of their probabilities."""
    return total_variation(student.prob, supervisor.prob)


def flips(trajectory: Trajectory, at: npt.NDArray[np.int64], label: npt.NDArray[np.int16]) -> npt.NDArray[np.int64]:
    """Return the first step from which the student's label differs from the supervisor's ``label`` (n,) to the end; -1 for none.

    ``at`` (n,) are the examples' places in the trajectory, -1 for examples that were not watched in training.
    """
    differs = (trajectory.label[:, at] != label) & (at >= 0)
    stays = np.flip(np.logical_and.accumulate(np.flip(differs, axis=0), axis=0), axis=0)
    return np.where(stays.any(axis=0), trajectory.steps[stays.argmax(axis=0)], -1)
