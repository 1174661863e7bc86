"""When a run looks at its validation and test rows while it trains, and at which of the test rows."""

from dataclasses import dataclass

import numpy as np

from training.engine.data.split import Rows, Split, sample
from training.planning import costs
from training.spec import RunSpec

TIMES = 50


@dataclass(frozen=True)
class Looks:
    """How many there are, and the test rows ``watched`` by all of them (row numbers, ascending): the whole set if affordable.

    A run that learns texts looks at validation rows alone.
    """

    times: int
    watched: Rows


def looks(run: RunSpec, split: Split, group: Rows) -> Looks:
    """The looks of ``run``. ``group`` (n,) is that of the data set's rows: of one group all test rows are watched, or none."""
    if not run.tunes_backbone:
        return Looks(TIMES, split.test)
    if run.reads:
        return Looks(TIMES, split.test[:0])
    half = split.half(run.half)
    # A training step costs about three forward passes of its batch.
    affordable = costs.LOOKS_SHARE * 3 * run.epochs * len(half.train)
    times = int(np.clip(affordable / (len(half.validation) + len(split.test)), costs.FEWEST_LOOKS, TIMES))
    watched = max(costs.SMALLEST_LOOK, int(affordable / times) - len(half.validation))
    return Looks(times, sample(split.test, group, run.split_seed, watched))
