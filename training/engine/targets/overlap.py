"""Overlap density: rows that link the easy and the hard examples of a supervisor (arXiv:2412.03881)."""

import numpy as np
import numpy.typing as npt

from training.storage.probabilities import Probabilities, classes_of, confidence_of

Values = npt.NDArray[np.floating]
Mask = npt.NDArray[np.bool_]

ROWS = 1024
"""Rows that are compared with all hard ones at once."""


def kinds(weak: Probabilities, features: npt.NDArray[np.floating]) -> npt.NDArray[np.str_]:
    """Return "hard", "overlap" or "easy" for each row of weak labels (n,) or (n, K) and the student's ``features`` (n, width)."""
    features = features.astype(np.float32, copy=False)  # half precision multiplies slowly
    hard, overlap = ~above(certainty(weak)), np.zeros(len(weak), bool)
    if hard.any() and not hard.all():
        overlap[~hard] = above(similarity(features[~hard], features[hard]))
    return np.select([hard, overlap], ["hard", "overlap"], "easy")


def certainty(weak: Probabilities) -> Values:
    """Return (max w - 1/K) / (1 - 1/K) (n,), from 0 for equal classes to 1: |2w - 1| for two classes, for more it is ours."""
    classes = classes_of(weak)
    return (confidence_of(weak).astype(np.float64) - 1 / classes) / (1 - 1 / classes)


def similarity(rows: npt.NDArray[np.float32], hard: npt.NDArray[np.float32]) -> Values:
    """Return the largest inner product (n,) of each of ``rows`` (n, width) with a row of ``hard`` (m, width)."""
    pieces = np.split(rows, range(ROWS, len(rows), ROWS))
    return np.concatenate([(piece @ hard.T).max(axis=1) for piece in pieces])


def above(values: Values) -> Mask:
    """Return a mask of the ``values`` (n,) above their change point; without one, as all are equal, it is empty."""
    return values > threshold(values)


def threshold(values: Values) -> float:
    """Return the largest value before the change point of ascending ``values`` (n,), or their median without a change.

    The cut with the least sum of squares about the two means, as binary segmentation with one break finds it, here without its
    steps of five; equal values are not separated.
    """
    ordered = np.sort(values.astype(np.float64))
    cuts = np.flatnonzero(np.diff(ordered) > 0) + 1
    if not len(cuts):
        return float(np.median(ordered)) if len(ordered) else 0.0
    below, total = np.cumsum(ordered)[cuts - 1], ordered.sum()
    # The least sum of squares within two parts is the largest between them.
    between = below**2 / cuts + (total - below) ** 2 / (len(ordered) - cuts)
    return float(ordered[cuts[np.argmax(between)] - 1])
