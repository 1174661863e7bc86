"""When things happen in a run, as pure functions: batches, learning rate, and the steps at which something is logged."""

import math
from typing import Literal

import numpy as np

from training.engine.data.split import Rows


def steps_per_epoch(examples: int, batch_size: int) -> int:
    return len(_cuts(examples, batch_size)) + 1


def batches(examples: int, batch_size: int, seed: int, epoch: int) -> list[Rows]:
    """The numbers 0 to ``examples`` - 1 in a fresh order for each epoch, in batches.

    The last batch may be smaller; a last one of a single example joins the batch before it, for it would have no median.
    """
    order = np.random.default_rng([seed, epoch]).permutation(examples)
    return np.split(order, _cuts(examples, batch_size))


def _cuts(examples: int, batch_size: int) -> range:
    return range(batch_size, examples - 1, batch_size)


def lr_factor(schedule: Literal["constant", "linear", "cosine"], progress: float) -> float:
    """The share of the full learning rate after the share ``progress`` of the training; linear and cosine end at zero."""
    if schedule == "linear":
        return 1 - progress
    if schedule == "cosine":
        return 0.5 * (1 + math.cos(math.pi * progress))
    return 1.0


def evenly(count: int, total: int) -> set[int]:
    """About ``count`` steps, evenly spaced over 1 to ``total``, the last one included."""
    return {round(total * i / count) for i in range(1, count + 1)} - {0}
