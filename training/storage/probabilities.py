"""The shape of probabilities: with two classes that of class 1 (n,), with K > 2 classes that of every class (n, K).

The predictions of a run, its targets and the files of both have this shape. Code that depends on it is here, and for tensors in
training.engine.logits.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

Probabilities = npt.NDArray[np.float32]
Floats = npt.NDArray[Any]
"""Values of any float type; a function that takes them returns the same type."""
Labels = npt.NDArray[np.integer]
"""Class numbers, of the type that ``label_type`` returns."""


def label_type(classes: int) -> type[np.integer]:
    """Return the smallest of the two integer types that holds the numbers of the classes."""
    return np.int8 if classes <= 128 else np.int16


def axes_of(classes: int) -> tuple[int, ...]:
    """Return the sizes of the axes after the examples: none for two classes, K for more."""
    return () if classes == 2 else (classes,)


def classes_of(prob: Floats) -> int:
    """Return the number of classes of the probabilities (n,) or (n, K)."""
    return 2 if prob.ndim == 1 else prob.shape[1]


def labels_of(prob: Floats) -> Labels:
    """Return hard labels (n,): 1 where the probability (n,) is above one half, or the first most probable class of (n, K)."""
    return (prob > 0.5).astype(np.int8) if prob.ndim == 1 else prob.argmax(axis=1).astype(label_type(prob.shape[1]))


def certain(labels: npt.NDArray[np.integer], classes: int) -> Probabilities:
    """Return the probabilities of ``labels`` (n,) that are certain: zeros and ones."""
    return labels.astype(np.float32) if classes == 2 else (labels[:, None] == np.arange(classes)).astype(np.float32)


def probability_of(prob: Floats, labels: npt.NDArray[np.integer]) -> Floats:
    """Return the probability (n,) of each example's label in ``labels`` (n,)."""
    return np.where(labels == 1, prob, 1 - prob) if prob.ndim == 1 else prob[np.arange(len(labels)), labels]


def drawn(prob: Floats, gold: npt.NDArray[np.integer]) -> Floats:
    """Return the probabilities (n,) that trajectories keep: of class 1 with two classes, of the ``gold`` label with more."""
    return prob if prob.ndim == 1 else probability_of(prob, gold)


def confidence_of(prob: Floats) -> Floats:
    """Return the probability (n,) of the most probable class."""
    confidence: Floats = np.maximum(prob, 1 - prob) if prob.ndim == 1 else prob.max(axis=1)
    return confidence


def by_class(prob: Floats) -> npt.NDArray[np.float64]:
    """Return the probabilities of every class (n, K), for two classes too."""
    wide = prob.astype(np.float64)
    return np.stack([1 - wide, wide], axis=1) if wide.ndim == 1 else wide


def choose(mask: npt.NDArray[np.bool_], prob: Floats, other: Floats) -> Floats:
    """Return ``prob`` for the examples that ``mask`` (n,) marks, and ``other`` for the rest."""
    return np.where(mask if prob.ndim == 1 else mask[:, None], prob, other)


def total_variation(prob: Probabilities, other: Probabilities) -> Probabilities:
    """Return the total variation distance (n,) of two models' probabilities; with two classes it is |p - p'|."""
    difference: Probabilities = np.abs(prob - other).astype(np.float32)
    distance: Probabilities = difference if difference.ndim == 1 else difference.sum(axis=1) / np.float32(2)
    return distance


def cross_entropy(prob: Floats, target: Floats) -> float | None:
    """Return mean nats per example against the soft labels ``target``; None for no rows. Probabilities are clipped by 1e-7."""
    if not len(prob):
        return None
    clipped = np.clip(prob.astype(np.float64), 1e-7, 1 - 1e-7)
    if prob.ndim == 1:
        return float(-np.mean(target * np.log(clipped) + (1 - target) * np.log1p(-clipped)))
    return float(-np.mean(np.sum(target * np.log(clipped), axis=1)))


def log_odds(logits: npt.NDArray[np.float64], label: int) -> npt.NDArray[np.float64]:
    """Return the log-odds (n,) of class ``label``, from logits (n,) of class 1 or (n, K) of every class."""
    if logits.ndim == 1:
        return logits if label else -logits
    others: npt.NDArray[np.float64] = np.logaddexp.reduce(np.delete(logits, label, axis=1), axis=1)
    return logits[:, label] - others
