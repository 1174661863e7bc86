"""Prompts of runs that write answers: the texts of the data set, where the method says so after examples with answers."""

from collections.abc import Iterator

import numpy as np

from training.engine.data.examples import Examples
from training.engine.data.split import TRUTH, Rows, Split, draw
from training.engine.generation.answer_sets import Answer, true_answers, weak_answers
from training.engine.models.chat_template import ChatTemplate
from training.spec import RunSpec
from training.spec.methods import FewShot
from training.storage.written_answers import WrittenAnswers


def prompts_of(run: RunSpec, examples: Examples, split: Split, supervisor: WrittenAnswers | None) -> list[str]:
    """Return a prompt for every row, after examples of half B with their answers for a few-shot prompt. Raises CorruptModel."""
    questions: list[str] = examples.text.to_pylist()
    shown = [(questions[row], answer.text) for row, answer in _shots(run, examples, split, supervisor)]
    if run.in_chat:
        template = ChatTemplate(run)
        return [template.prompt(shown, question) for question in questions]
    before = "".join(f"{text}{'' if text[-1:].isspace() else ' '}{answer}\n\n" for text, answer in shown)
    return [before + question for question in questions]


def _shots(run: RunSpec, examples: Examples, split: Split, supervisor: WrittenAnswers | None) -> Iterator[tuple[int, Answer]]:
    """Yield the rows of half B that the seed draws for a few-shot prompt, each with its true answer or that of ``supervisor``."""
    method = run.method
    if not isinstance(method, FewShot):
        return
    rows: Rows = split.b.train
    rows = rows[np.argsort(draw(examples.group[rows], run.seed, TRUTH), kind="stable")[: method.shots]]
    weak = method.labels == "weak" and supervisor is not None
    answers = weak_answers(supervisor, examples, rows) if weak and supervisor else true_answers(examples, rows)
    yield from zip(rows.tolist(), answers, strict=True)
