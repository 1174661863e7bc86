"""Written answers of a run for each example, and their trajectory: the answers at each evaluation.

The files have the names of those of runs with classes, predictions.parquet and trajectory.parquet, and other columns.
"""

import json
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from training.storage.predictions import Predictions, Trajectory, earliest_best

Texts = npt.NDArray[Any]
"""An array of Python's texts."""

NO_ANSWER = ""
"""The answer where none was found in what was written. It is wrong, and no other answer equals it."""


@dataclass(frozen=True)
class WrittenAnswers:
    """Answers of a finished run for the examples outside its supervisor's half; one entry per example in every array.

    ``id``, ``split`` and ``group`` are those of ``Predictions``. ``gold`` is the first accepted answer of the data set, as it
    stands there. ``text`` is what the model wrote, without the end token and outer space; ``answer`` is the normalised answer
    found in it by the data set's rule, or NO_ANSWER; ``right`` says whether it is one of the accepted answers. Two models give
    the same answer where their ``answer`` is equal and not NO_ANSWER.

    ``log_probability`` is the sum over the tokens of the text, the end token included, in nats: what the model, or for a majority
    the share of its votes, gives this very text. ``ended`` is false for a text without an end token, which was cut at the limit.
    ``difficulty`` is that of the data set, NaN without one.

    In the file, predictions.parquet, each array is a column and each example a row.
    """

    id: npt.NDArray[np.int64]
    split: npt.NDArray[np.str_]
    group: npt.NDArray[np.int64]
    gold: Texts
    text: Texts
    answer: Texts
    log_probability: npt.NDArray[np.float32]
    ended: npt.NDArray[np.bool_]
    right: npt.NDArray[np.bool_]
    difficulty: npt.NDArray[np.float64]

    def part(self, split: str) -> "WrittenAnswers":
        return self.take(self.split == split)

    def take(self, entries: npt.NDArray[np.int64] | npt.NDArray[np.bool_]) -> "WrittenAnswers":
        """Return the entries at these positions, in their order, or those where a mask is true."""
        return WrittenAnswers(**{field.name: getattr(self, field.name)[entries] for field in fields(self)})

    def table(self) -> pa.Table:
        return pa.table({field.name: pa.array(getattr(self, field.name), TYPES[field.name]) for field in fields(self)})

    @classmethod
    def of(cls, table: pa.Table) -> "WrittenAnswers":
        columns = {name: table[name].to_numpy() for name in TYPES}
        return cls(**columns | {"split": columns["split"].astype(np.str_)})


TYPES = {
    "id": pa.int64(),
    "split": pa.string(),
    "group": pa.int64(),
    "gold": pa.large_string(),
    "text": pa.large_string(),
    "answer": pa.large_string(),
    "log_probability": pa.float32(),
    "ended": pa.bool_(),
    "right": pa.bool_(),
    "difficulty": pa.float64(),
}
"""The columns of the file."""


def same_answers(answer: Texts, other: Texts) -> npt.NDArray[np.bool_]:
    """Return where two models give the same answer (n,); NO_ANSWER is none."""
    same: npt.NDArray[np.bool_] = (answer == other) & (answer != NO_ANSWER)
    return same.astype(bool)


@dataclass(frozen=True)
class WrittenTrajectory:
    """Answers of a run for test examples at each of its evaluations.

    ``answer`` (e, n) and ``right`` (e, n) are as in ``WrittenAnswers``. ``steps`` (e,) ascends from 0, the untrained model, to
    the last step; ``id`` (n,) names the examples. ``validation`` (e,) is the loss on validation rows against the run's own
    answers, in nats per token, NaN without such rows. ``selected`` is the step of the predictions.

    In the file, trajectory.parquet, each example is a row of ``id``, ``answer`` and ``right``, fixed-size lists with an entry for
    each evaluation. The rest is JSON in the file's metadata.
    """

    steps: npt.NDArray[np.int64]
    id: npt.NDArray[np.int64]
    answer: Texts
    right: npt.NDArray[np.bool_]
    validation: npt.NDArray[np.float64]
    selected: int

    @property
    def last(self) -> int:
        return int(self.steps[-1])

    @property
    def hindsight(self) -> int:
        """The earliest step after 0 with the best accuracy. For diagnosis only."""
        return earliest_best(self.steps, self.right.mean(axis=1))

    def take(self, keep: npt.NDArray[np.bool_]) -> "WrittenTrajectory":
        """Return the trajectory of the examples where a mask (n,) is true."""
        answers, right = self.answer[:, keep], self.right[:, keep]
        return WrittenTrajectory(self.steps, self.id[keep], answers, right, self.validation, self.selected)

    def right_at(self, step: int) -> npt.NDArray[np.bool_]:
        """Return which examples (n,) are right after ``step`` steps, which must have been evaluated."""
        right: npt.NDArray[np.bool_] = self.right[np.flatnonzero(self.steps == step)[0]]
        return right

    def table(self) -> pa.Table:
        columns = {
            "id": pa.array(self.id),
            **{
                name: pa.FixedSizeListArray.from_arrays(pa.array(values.T.ravel(), type_), len(self.steps))
                for name, values, type_ in (("answer", self.answer, pa.string()), ("right", self.right, pa.bool_()))
            },
        }
        metadata = {"steps": self.steps.tolist(), "selected": self.selected, "validation": self.validation.tolist()}
        return pa.table(columns).replace_schema_metadata({"trajectory": json.dumps(metadata)})

    @classmethod
    def of(cls, table: pa.Table) -> "WrittenTrajectory":
        metadata = json.loads(table.schema.metadata[b"trajectory"])

        def evaluations(name: str) -> npt.NDArray[Any]:
            flat = table[name].combine_chunks().flatten().to_numpy(zero_copy_only=False)
            return np.ascontiguousarray(flat.reshape(table.num_rows, -1).T)

        return cls(
            steps=np.array(metadata["steps"], np.int64),
            id=table["id"].to_numpy(),
            answer=evaluations("answer"),
            right=evaluations("right").astype(bool),
            validation=np.array(metadata["validation"], np.float64),
            selected=metadata["selected"],
        )


Outputs = Predictions | WrittenAnswers
"""The outputs of a finished run for each example."""
Course = Trajectory | WrittenTrajectory
"""The outputs of a finished run for each of its evaluations."""
