"""The schedule of a run, as pure functions: batches, learning rate, and the logged steps."""

import math
from typing import Literal

import numpy as np

from training.engine.data.split import Rows
from training.spec import RunSpec

METRICS = 100
"""Number of metrics that a run logs, or one for each step of a shorter run."""


def steps_per_epoch(examples: int, batch_size: int) -> int:
    return len(_cuts(examples, batch_size)) + 1


def step_counts(run: RunSpec, examples: int) -> tuple[int, int]:
    """Return the length of the learning rate schedule and the last step of ``run``, which may end before it."""
    total = run.epochs * steps_per_epoch(examples, run.batch_size)
    return total, total if run.stop_at is None else min(run.stop_at, total)


def examples_seen(step: int, examples: int, batch_size: int) -> int:
    """Return the number of examples in the batches of the first ``step`` steps, over epochs of ``examples``."""
    epoch, steps = divmod(step, steps_per_epoch(examples, batch_size))
    return epoch * examples + steps * batch_size


def batches(examples: int, batch_size: int, seed: int, epoch: int) -> list[Rows]:
    """Return the numbers 0 to ``examples`` - 1 in batches, in a new order for each epoch.

    The last batch may be smaller; a single last example joins the batch before it, since one example has no median.
    """
    order = np.random.default_rng([seed, epoch]).permutation(examples)
    return np.split(order, _cuts(examples, batch_size))


def _cuts(examples: int, batch_size: int) -> range:
    return range(batch_size, examples - 1, batch_size)


def lr_factor(schedule: Literal["constant", "linear", "cosine"], progress: float) -> float:
    """Return the factor of the learning rate after the share ``progress`` of the training; linear and cosine end at zero."""
    if schedule == "linear":
        return 1 - progress
    if schedule == "cosine":
        return 0.5 * (1 + math.cos(math.pi * progress))
    return 1.0


def evenly(count: int, total: int) -> set[int]:
    """Return about ``count`` steps, evenly spaced over 1 to ``total``, the last one included."""
    return {round(total * i / count) for i in range(1, count + 1)} - {0}


def logged_steps(total: int) -> set[int]:
    """Return the steps after which a metric is logged."""
    return evenly(METRICS, total)
