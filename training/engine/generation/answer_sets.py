"""The answers that a run learns and is evaluated with: those of the data set, or those that its supervisor wrote."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from training.engine.data.examples import Examples
from training.engine.data.split import Half, Rows
from training.engine.errors import EngineError
from training.engine.targets.supervisor_labels import places_of
from training.engine.targets.training_set import TrainingSet, check_size, drawn, no_labels, portion_of, sampled
from training.spec import GROUND_TRUTH, RunSpec
from training.spec.methods import EasyToHard, FilterFraction, FilterThreshold, Mixed, Sequential
from training.storage.artifacts import Store
from training.storage.written_answers import WrittenAnswers


class Answer(NamedTuple):
    """An answer to learn: its text, and whether it ended by itself. One that was cut at the limit is learned without an end."""

    text: str
    ended: bool = True


AnswerOf = Callable[[Rows], list[Answer]]


def read_supervisor(run: RunSpec, store: Store) -> WrittenAnswers | None:
    """Return the answers of the run's supervisor, None for ground truth. Raises EngineError where it has not finished."""
    if run.labels == GROUND_TRUTH:
        return None
    try:
        return store.read_answers(run.labels)
    except FileNotFoundError:
        raise EngineError(f"The run that labels for this one ({run.labels[:12]}) has left no answers.") from None


def accepted(examples: Examples, rows: Rows) -> list[list[str]]:
    """Return the accepted answers of each of ``rows``."""
    assert examples.answers is not None
    answers: list[list[str]] = examples.answers.take(rows).to_pylist()
    return answers


def true_answers(examples: Examples, rows: Rows) -> list[Answer]:
    """Return the first accepted answer of each of ``rows``, the one that is learned."""
    return [Answer(answers[0].strip()) for answers in accepted(examples, rows)]


def written_by(supervisor: WrittenAnswers, examples: Examples, rows: Rows) -> WrittenAnswers:
    """Return the supervisor's answers to ``rows``. Raises EngineError where one is missing."""
    return supervisor.take(places_of(supervisor.id, examples.id[rows]))


def weak_answers(supervisor: WrittenAnswers, examples: Examples, rows: Rows) -> list[Answer]:
    own = written_by(supervisor, examples, rows)
    return [Answer(text, bool(ended)) for text, ended in zip(own.text, own.ended, strict=True)]


def answer_set_of(
    run: RunSpec, examples: Examples, half: Half, supervisor: WrittenAnswers | None, store: Store
) -> tuple[TrainingSet, AnswerOf]:
    """Return the rows that ``run`` learns from, and a function from rows to the answers that it learns.

    The labels of the training set are zeros. Raises EngineError where the method leaves too few rows.
    """
    rows, validation = (portion_of(run, examples, part) for part in (half.train, half.validation))
    method = run.method

    def true(rows: Rows) -> list[Answer]:
        return true_answers(examples, rows)

    def weak(rows: Rows) -> list[Answer]:
        return true(rows) if supervisor is None else weak_answers(supervisor, examples, rows)

    learned: AnswerOf = weak
    match method:
        case FilterThreshold() | FilterFraction() if supervisor is not None:
            rows = rows[filtered_rows(method, written_by(supervisor, examples, rows).log_probability)]
        case EasyToHard():
            rows, validation = (part[easiest(examples, part, method.easy)] for part in (rows, validation))
            learned = true
        case Sequential():
            rows, validation = (part[drawn(run, examples, part, method.fraction)] for part in (rows, validation))
        case Mixed():

            def learned(rows: Rows) -> list[Answer]:
                known = drawn(run, examples, rows, method.fraction)
                return [
                    truth if is_known else other for is_known, truth, other in zip(known, true(rows), weak(rows), strict=True)
                ]

    rows = sampled(run, rows, store)
    check_size(run, rows, validation, len(half.train))
    return TrainingSet(rows, no_labels(rows), validation, no_labels(validation), len(half.train)), learned


def filtered_rows(method: FilterThreshold | FilterFraction, log_probability: npt.NDArray[np.float32]) -> Rows:
    """Return the ascending positions of the weak answers that the filter keeps, by their ``log_probability`` (n,)."""
    if isinstance(method, FilterThreshold):
        return np.flatnonzero(np.exp(log_probability.astype(np.float64)) > method.threshold)
    size = int(np.ceil(method.keep * len(log_probability)))
    return np.sort(np.argsort(-log_probability, kind="stable")[:size])


def easiest(examples: Examples, rows: Rows, share: float) -> Rows:
    """Return the ascending positions of the ``share`` of ``rows`` with the least difficulty. Raises EngineError without one."""
    if examples.difficulty is None:
        raise EngineError("Easy to hard needs the difficulty of each row, and this data set has none.")
    order = np.argsort(examples.difficulty[rows], kind="stable")
    return np.sort(order[: int(np.ceil(share * len(order)))])
