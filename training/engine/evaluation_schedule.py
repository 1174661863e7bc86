"""The evaluation schedule of a run: how often it is evaluated while it trains, and on which test rows."""

from dataclasses import dataclass

import numpy as np

from training.engine.data.split import Rows, Split, sample
from training.planning import costs
from training.spec import RunSpec

EVALUATIONS = 50
LARGE_HEAD, OF_LARGE_HEADS = 500_000, 20
"""Weights above which the evaluations of a head take longer than its steps, and how many it then has."""
WRITTEN_EVALUATION = 6
"""Passes of a test row of a run that writes answers: its answer is decoded, and the loss of a true and a weak one computed.

The trajectory of a run depends on it, so that it stays when the estimate of decoding (``costs``) changes.
"""


@dataclass(frozen=True)
class EvaluationSchedule:
    """A schedule of ``times`` evaluations, each on the test rows ``watched`` (row numbers, ascending): all of them if affordable.

    A run that learns texts is evaluated on validation rows only.
    """

    times: int
    watched: Rows


def evaluation_schedule(run: RunSpec, split: Split, group: Rows, weights: int = 0) -> EvaluationSchedule:
    """Return the schedule of ``run``. ``group`` (n,) are the groups of all rows: test rows of a group are watched together.

    ``weights`` are those of a head on the features of a bundle, which may have many features and classes.
    """
    if not run.tunes_backbone:
        return EvaluationSchedule(OF_LARGE_HEADS if weights > LARGE_HEAD else EVALUATIONS, split.test)
    if run.reads:
        return EvaluationSchedule(EVALUATIONS, split.test[:0])
    half = split.half(run.half)
    passes = WRITTEN_EVALUATION if run.writes else 1
    # A training step costs about three forward passes of its batch.
    affordable = costs.EVALUATION_SHARE * 3 * run.epochs * len(half.train)
    times = int(np.clip(affordable / (len(half.validation) + passes * len(split.test)), costs.FEWEST_EVALUATIONS, EVALUATIONS))
    watched = max(costs.FEWEST_EVALUATED, (int(affordable / times) - len(half.validation)) // passes)
    return EvaluationSchedule(times, sample(split.test, group, run.split_seed, watched))
