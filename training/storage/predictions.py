"""Predictions of a run for each example, and its trajectory: the predictions at each evaluation."""

from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt

from training.storage.probabilities import Labels, classes_of, labels_of


@dataclass(frozen=True)
class Predictions:
    """Predictions of a finished run for the examples outside its supervisor's half; one entry per example in every array.

    ``prob`` is of the step that the run's stop rule selected: with two classes the probability of class 1 (n,), with K > 2 that
    of each class (n, K). ``split`` is "transfer" (half B, where weak labels are read, validation rows included), "test", or
    "locked" (read by no result before a report opens it). Examples with the same ``group`` are near copies or share a question,
    so they count as one cluster.

    In the file, predictions.parquet, each array is a column and each example a row. ``prob`` is a float with two classes, and
    with K > 2 a fixed-size list of K floats in the order of the classes.
    """

    id: npt.NDArray[np.int64]
    split: npt.NDArray[np.str_]
    group: npt.NDArray[np.int64]
    gold: Labels
    prob: npt.NDArray[np.float32]

    def part(self, split: str) -> "Predictions":
        return self.take(self.split == split)

    def take(self, entries: npt.NDArray[np.int64] | npt.NDArray[np.bool_]) -> "Predictions":
        """Return the entries at these positions, in their order, or those where a mask is true."""
        return Predictions(**{field.name: getattr(self, field.name)[entries] for field in fields(self)})

    @property
    def classes(self) -> int:
        return classes_of(self.prob)

    @property
    def label(self) -> Labels:
        """The hard labels (n,)."""
        return labels_of(self.prob)

    @property
    def right(self) -> npt.NDArray[np.bool_]:
        right: npt.NDArray[np.bool_] = self.label == self.gold
        return right


@dataclass(frozen=True)
class Trajectory:
    """Predictions of a run for test examples at each of its evaluations.

    ``prob`` (e, n) is the probability of class 1. With K > 2 classes it is that of the true class, and ``labels`` (e, n) are the
    most probable classes: K numbers for every example and evaluation would not fit into memory. ``steps`` (e,) ascends from 0,
    the untrained model, to the last step; ``id`` (n,) names the examples, which are the whole test set or those that a
    transformer watched while it trained. ``validation`` (e,) is the accuracy on validation rows against the run's own labels, NaN
    without such rows. ``selected`` is the step of the predictions.

    In the file, trajectory.parquet, each example is a row of ``id`` and ``prob``, a fixed-size list with a float for each
    evaluation, and with K > 2 classes of ``label``, a fixed-size list of integers. The rest is JSON in the file's metadata.
    """

    steps: npt.NDArray[np.int64]
    id: npt.NDArray[np.int64]
    prob: npt.NDArray[np.float32]
    validation: npt.NDArray[np.float64]
    selected: int
    labels: Labels | None = None

    @property
    def last(self) -> int:
        return int(self.steps[-1])

    def hindsight(self, gold: Labels) -> int:
        """Return the earliest step after 0 with the best accuracy against ``gold`` (n,). For diagnosis only."""
        return earliest_best(self.steps, (self.label == gold).mean(axis=1))

    def accuracy(self, step: int, gold: Labels) -> float:
        return float((self.label_at(step) == gold).mean())

    def take(self, keep: npt.NDArray[np.bool_]) -> "Trajectory":
        """Return the trajectory of the examples where a mask (n,) is true."""
        labels = None if self.labels is None else self.labels[:, keep]
        return Trajectory(self.steps, self.id[keep], self.prob[:, keep], self.validation, self.selected, labels)

    def at(self, step: int) -> npt.NDArray[np.float32]:
        """Return ``prob`` (n,) after ``step`` steps, which must have been evaluated."""
        prob: npt.NDArray[np.float32] = self.prob[np.flatnonzero(self.steps == step)[0]]
        return prob

    def label_at(self, step: int) -> Labels:
        """Return the hard labels (n,) after ``step`` steps, which must have been evaluated."""
        labels: Labels = self.label[np.flatnonzero(self.steps == step)[0]]
        return labels

    @property
    def label(self) -> Labels:
        """Hard labels (e, n)."""
        return np.stack([labels_of(prob) for prob in self.prob]) if self.labels is None else self.labels


def earliest_best(steps: npt.ArrayLike, score: npt.ArrayLike) -> int:
    """Return the first step with the highest score. Step 0 is not a candidate: an untrained model cannot be selected."""
    trained = np.asarray(steps) > 0
    return int(np.asarray(steps)[trained][np.argmax(np.asarray(score)[trained])])
