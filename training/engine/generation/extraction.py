"""The answers in what a model wrote, and which of them are right."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from training.engine.data.examples import Examples
from training.engine.data.split import Rows
from training.engine.generation.answer_sets import Answer, accepted
from training.spec import RunSpec
from training.storage.written_answers import NO_ANSWER, Texts


class Extracted(NamedTuple):
    """Normalised answers (n,), NO_ANSWER where there is none, and which of them are accepted."""

    answer: Texts
    right: npt.NDArray[np.bool_]


class Extraction:
    """A function from what was written for ``rows`` to the answers in it, by the data set's rule."""

    def __init__(self, run: RunSpec, examples: Examples, rows: Rows) -> None:
        assert run.answers is not None
        self.rule = run.answers
        self.accepted = [{self.rule.answer(text) for text in answers} for answers in accepted(examples, rows)]

    def of(self, written: Sequence[Answer]) -> Extracted:
        answers = [self.rule.answer(answer.text) or NO_ANSWER for answer in written]
        right = [answer in known for answer, known in zip(answers, self.accepted, strict=True)]
        return Extracted(texts(answers), np.array(right, bool))


def texts(values: Sequence[str]) -> Texts:
    """Return an array of Python's texts, each as long as it is."""
    array = np.empty(len(values), object)
    array[:] = values
    return array
