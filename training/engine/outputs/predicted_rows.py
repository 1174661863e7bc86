"""The rows that a finished run predicts, and their predictions."""

from typing import NamedTuple

import numpy as np

from training.engine.data.examples import Examples
from training.engine.data.split import Rows, Split
from training.spec import RunSpec
from training.storage.predictions import Predictions
from training.storage.probabilities import Probabilities


class PredictedRows(NamedTuple):
    """Row numbers by part. ``own`` are rows of the run's own half, which the next member of a boosted ensemble needs."""

    transfer: Rows
    test: Rows
    locked: Rows
    own: Rows

    @classmethod
    def of(cls, run: RunSpec, split: Split) -> "PredictedRows":
        """Return the rows of ``run``; none for a run that learns texts."""
        train = split.half(run.half).train
        rows = cls(split.b.rows, split.test, split.locked, train if run.boosts is not None else train[:0])
        return cls(*(part[:0] for part in rows)) if run.reads else rows

    def predictions(
        self, examples: Examples, computed: "PredictedRows", prob: Probabilities, watched: Rows, watched_prob: Probabilities
    ) -> Predictions:
        """Return the predictions of all rows: ``prob`` for the ``computed`` ones, ``watched_prob`` for ``watched`` test rows."""
        transfer, rest, *others = np.split(prob, np.cumsum([*map(len, computed[:3])]))
        is_watched = np.isin(self.test, watched)
        test = np.empty((len(is_watched), *rest.shape[1:]), np.float32)
        test[is_watched], test[~is_watched] = watched_prob, rest
        rows = np.concatenate(self)
        return Predictions(
            id=examples.id[rows],
            split=np.repeat(self._fields, [len(part) for part in self]),
            group=examples.group[rows],
            gold=examples.label[rows],
            prob=np.concatenate([transfer, test, *others]),
        )
