"""The checks of the answers of a generative data set: how many different ones, the commonest, lengths, and difficulty."""

from collections import Counter
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow.compute as pc
import pyarrow.parquet as pq

from training.answers import COLUMNS, AnswerRule
from training.catalog.check_report import AnswerReport

ANSWERS = "answers"
BATCH = 4_096
EASY = 0.5
"""Share of the commonest answer above which there is a warning."""
SHOWN = 200


def answer_report(file: pq.ParquetFile, rule: AnswerRule) -> AnswerReport:
    """Return the findings about the answers in ``file``, compared by ``rule``."""
    rated = "difficulty" in file.schema_arrow.names
    answers: Counter[str] = Counter()
    several, prompts, written, difficulty = 0, _Numbers(), _Numbers(), _Numbers()
    for batch in file.iter_batches(BATCH, columns=["text", ANSWERS, *(["difficulty"] if rated else [])]):
        first = pc.list_element(batch[ANSWERS], 0)
        answers.update(rule.answer(text) or "" for text in first.to_pylist())
        several += int(pc.sum(pc.greater(pc.list_value_length(batch[ANSWERS]), 1)).as_py())
        prompts.add(pc.utf8_length(batch["text"]))
        written.add(pc.utf8_length(first))
        if rated:
            difficulty.add(batch["difficulty"])
    # The smallest of equally common answers, so that the order of rows does not matter.
    commonest = min(answers, key=lambda answer: (-answers[answer], answer))
    return AnswerReport(
        distinct=len(answers),
        commonest=commonest[:SHOWN],
        commonest_rows=answers[commonest],
        several=several,
        prompt_characters=(int(prompts.median), int(prompts.values.max())),
        answer_characters=(int(written.median), int(written.values.max())),
        difficulty=(float(difficulty.values.min()), difficulty.median, float(difficulty.values.max())) if rated else None,
        columns=tuple(name for name in file.schema_arrow.names if name not in COLUMNS),
    )


class _Numbers:
    """Numbers of all rows, collected from batches."""

    def __init__(self) -> None:
        self.values: npt.NDArray[np.float64] = np.empty(0)

    def add(self, column: Any) -> None:
        self.values = np.concatenate([self.values, column.to_numpy(zero_copy_only=False).astype(np.float64)])

    @property
    def median(self) -> float:
        return float(np.median(self.values))


def answer_warnings(report: AnswerReport, rows: int) -> tuple[str, ...]:
    """Return a sentence for each finding that could make a result worthless."""
    share = report.commonest_rows / rows
    if share < EASY:
        return ()
    return (f"“{report.commonest}” is the answer of {share:.0%} of the rows: a model that always writes it is right as often.",)
