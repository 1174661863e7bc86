"""Answers of models, in the terms of the explorer: labels with their probabilities, or written answers with theirs."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from training.storage.predictions import Predictions
from training.storage.probabilities import Probabilities, drawn, probability_of, total_variation
from training.storage.written_answers import Course, Outputs, WrittenAnswers, WrittenTrajectory, same_answers
from webapp.example_queries.view import SEATS


@dataclass(frozen=True)
class Answers:
    """Answers of one model, one entry per example."""

    label: npt.NDArray[np.int16]
    confidence: npt.NDArray[np.float32]
    """Probability of its own label."""
    of_gold: npt.NDArray[np.float32]
    """Probability of the gold label."""
    prob: npt.NDArray[np.float32]
    """The probability that is drawn: of class 1 with two classes, of the gold label with more."""


def answers(predictions: Predictions) -> Answers:
    label = predictions.label.astype(np.int16)
    confidence, of_gold = (probability_of(predictions.prob, labels) for labels in (label, predictions.gold))
    return Answers(label, confidence, of_gold, drawn(predictions.prob, predictions.gold))


def shift(supervisor: Predictions, student: Predictions) -> Probabilities:
    """Return |student - supervisor| for each example: the total variation distance of their probabilities."""
    return total_variation(student.prob, supervisor.prob)


@dataclass(frozen=True)
class Compared:
    """The answers of the three models of a view: columns of their table, where each is wrong, and where two are equal."""

    columns: dict[str, npt.NDArray[Any]]
    wrong: list[npt.NDArray[np.bool_]]
    agree: npt.NDArray[np.bool_]
    """Where student and supervisor give the same label, or write the same answer."""
    classes: int | None


def compare(seen: Sequence[Outputs]) -> Compared:
    """Return the answers of the runs in the three seats. Raises ValueError for labels beside written answers."""
    written = [isinstance(outputs, WrittenAnswers) for outputs in seen]
    if any(written) != all(written):
        raise ValueError("Labels and written answers cannot be compared.")
    return _written(cast("Sequence[WrittenAnswers]", seen)) if all(written) else _labelled(cast("Sequence[Predictions]", seen))


def _labelled(seen: Sequence[Predictions]) -> Compared:
    said = {seat: answers(predictions) for seat, predictions in zip(SEATS, seen, strict=True)}
    columns: dict[str, npt.NDArray[Any]] = {"shift": shift(seen[0], seen[1])}
    for seat, answer in said.items():
        columns |= {
            f"{seat}_label": answer.label,
            f"{seat}_conf": answer.confidence,
            f"{seat}_gold": answer.of_gold,
            f"{seat}_prob": answer.prob,
        }
    wrong = [answer.label != seen[0].gold for answer in said.values()]
    return Compared(columns, wrong, said["weak"].label == said["student"].label, seen[0].classes)


def _written(seen: Sequence[WrittenAnswers]) -> Compared:
    columns: dict[str, npt.NDArray[Any]] = {"difficulty": seen[0].difficulty}
    for seat, wrote in zip(SEATS, seen, strict=True):
        columns |= {
            f"{seat}_text": wrote.text,
            f"{seat}_answer": wrote.answer,
            f"{seat}_log": wrote.log_probability,
            f"{seat}_ended": wrote.ended,
            f"{seat}_right": wrote.right,
        }
    return Compared(columns, [~wrote.right for wrote in seen], same_answers(seen[0].answer, seen[1].answer), None)


def label_of(outputs: Outputs) -> npt.NDArray[Any]:
    """Return the labels of a run, or the answers found in what it wrote (n,)."""
    return outputs.answer if isinstance(outputs, WrittenAnswers) else answers(outputs).label


def flips(trajectory: Course, at: npt.NDArray[np.int64], label: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
    """Return the first step from which the student's label or answer differs from the supervisor's (n,) to the end; -1 for none.

    ``at`` (n,) are the examples' places in the trajectory, -1 for examples that were not watched in training.
    """
    given = trajectory.answer if isinstance(trajectory, WrittenTrajectory) else trajectory.label
    differs = (given[:, at] != label) & (at >= 0)
    stays = np.flip(np.logical_and.accumulate(np.flip(differs, axis=0), axis=0), axis=0)
    return np.where(stays.any(axis=0), trajectory.steps[stays.argmax(axis=0)], -1)
