"""Groups of runs that take about the same time."""

import hashlib
import json
from collections.abc import Iterable

from training import RunSpec
from training.spec.run import EVEN

ALIKE = (
    *("dataset", "test_fraction", "locked_fraction", "validation_fraction", "limit"),
    *("model", "adaptation", "epochs", "batch_size", "max_tokens", "derives"),
)
"""Runs of a group agree on these settings; seed, labels and method may differ."""


def alike(run: RunSpec) -> str:
    """Return the name of the group of ``run``, 32 hexadecimal digits."""
    uneven = [] if run.half_a_fraction == EVEN else [run.half, run.half_a_fraction]
    return group_of([*(getattr(run, name) for name in ALIKE), *uneven])


def group_of(values: Iterable[object]) -> str:
    return hashlib.sha256(json.dumps(list(values)).encode()).hexdigest()[:32]
