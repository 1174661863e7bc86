"""Calibration of probabilities against ground truth or another model, as pure functions.

All take probabilities (n, K) of K >= 2 classes and a ``target`` (n, K): one-hot for a ground truth, soft for a model.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from training.storage.probabilities import labels_of

Array = npt.NDArray[np.float64]
Labels = npt.NDArray[np.int64]

BINS = 15
SMALLEST = 1e-7
"""Lower bound of a probability in a logarithm: float32 predictions cannot be closer to 1."""


@dataclass(frozen=True)
class Bin:
    """A confidence bin: number of examples, mean confidence, and share whose most probable class is the target's."""

    count: int
    confidence: float
    right: float


def bin_of(confidence: Array, bins: int = BINS) -> Labels:
    """Return the bin of each confidence: bin b of equal width is (b / bins, (b + 1) / bins]."""
    places: Labels = np.clip(np.ceil(confidence * bins).astype(np.int64) - 1, 0, bins - 1)
    return places


def reliability(prob: Array, target: Array, bins: int = BINS) -> list[Bin]:
    """Return the non-empty bins in order of confidence, the probability of the most probable class (Guo et al. 2017,
    arXiv:1706.04599). With two classes it is never below one half, so half of the bins are empty.
    """
    confidence, right = prob.max(axis=1), labels_of(prob) == labels_of(target)
    place = bin_of(confidence, bins)
    inside = (place == index for index in range(bins))
    return [
        Bin(int(members.sum()), float(confidence[members].mean()), float(right[members].mean()))
        for members in inside
        if members.any()
    ]


def expected_error(bins: list[Bin]) -> float:
    """Return ECE = sum over bins of n_b / n |share right - mean confidence| (Guo et al. 2017, eq. 3)."""
    total = sum(bin_.count for bin_ in bins)
    return sum(bin_.count * abs(bin_.right - bin_.confidence) for bin_ in bins) / total


def squared(prob: Array, target: Array) -> Array:
    """Return the Brier score of each example: sum over classes of (p - t)^2 (Brier 1950); with two classes half of it, (f - t)^2
    of class 1. Against a model it is the misfit.
    """
    distance: Array = ((prob - target) ** 2).sum(axis=1)
    return distance / 2 if prob.shape[1] == 2 else distance


def log_loss(prob: Array, target: Array) -> Array:
    """Return -sum over classes of t log p for each example: the NLL of a ground truth, or the cross-entropy with a model, which
    is never below the model's own entropy.
    """
    loss: Array = -(target * np.log(np.clip(prob, SMALLEST, 1))).sum(axis=1)
    return loss


def divergence(prob: Array, other: Array) -> Array:
    """Return KL(prob || other) of each example."""
    return log_loss(other, prob) - log_loss(prob, prob)
