"""Whether probabilities mean what they say, against ground truth or against another model: numbers in, numbers out.

All take probabilities (n, K) of K classes, K >= 2, and a ``target`` (n, K): one-hot for a ground truth, soft for a model.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
Labels = npt.NDArray[np.int64]

BINS = 15
SMALLEST = 1e-7
"""What a probability counts as at least in a logarithm: predictions are float32, which knows none nearer to 1 than that."""


@dataclass(frozen=True)
class Bin:
    """Examples whose confidence lies in one bin; how often the most probable class is the target's."""

    count: int
    confidence: float
    right: float


def matrix(prob: npt.NDArray[np.floating]) -> Array:
    """(n, K) of what predictions.parquet has: the probability of class 1 (n,), or that of each class (n, K)."""
    wide = prob.astype(np.float64)
    return np.stack([1 - wide, wide], axis=1) if wide.ndim == 1 else wide


def one_hot(gold: npt.NDArray[np.integer], classes: int) -> Array:
    found: Array = np.eye(classes)[gold]
    return found


def label(prob: Array) -> Labels:
    """The most probable class, the first of equal ones; of two classes so class 1 only above one half."""
    found: Labels = prob.argmax(axis=1)
    return found


def bin_of(confidence: Array, bins: int = BINS) -> Labels:
    """The bin of each confidence: bin b of equal width is (b / bins, (b + 1) / bins]."""
    found: Labels = np.clip(np.ceil(confidence * bins).astype(np.int64) - 1, 0, bins - 1)
    return found


def reliability(prob: Array, target: Array, bins: int = BINS) -> list[Bin]:
    """The bins that have examples, in order of confidence, which is the probability of the most probable class (Guo et al. 2017,
    arXiv:1706.04599). Of two classes it is never below one half, so that half of the bins are empty.
    """
    confidence, right = prob.max(axis=1), label(prob) == label(target)
    place = bin_of(confidence, bins)
    inside = (place == index for index in range(bins))
    return [Bin(int(one.sum()), float(confidence[one].mean()), float(right[one].mean())) for one in inside if one.any()]


def expected_error(found: list[Bin]) -> float:
    """ECE = sum over bins of n_b / n |share right - mean confidence| (Guo et al. 2017, eq. 3)."""
    total = sum(one.count for one in found)
    return sum(one.count * abs(one.right - one.confidence) for one in found) / total


def squared(prob: Array, target: Array) -> Array:
    """The Brier score of each example: sum over classes of (p - t)^2 (Brier 1950), of two classes half of it, which is (f - t)^2
    of class 1. Against a model it is the misfit.
    """
    distance: Array = ((prob - target) ** 2).sum(axis=1)
    return distance / 2 if prob.shape[1] == 2 else distance


def log_loss(prob: Array, target: Array) -> Array:
    """-sum over classes of t log p of each example: the NLL of a ground truth, the cross-entropy with a model, which is never
    below the model's own entropy.
    """
    loss: Array = -(target * np.log(np.clip(prob, SMALLEST, 1))).sum(axis=1)
    return loss


def divergence(prob: Array, other: Array) -> Array:
    """KL(prob || other) of each example."""
    return log_loss(other, prob) - log_loss(prob, prob)
