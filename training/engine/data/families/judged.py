"""Answers judged one by one, in rows of their own; each question keeps equal numbers of right and wrong ones."""

from collections.abc import Iterator

from training.engine.data.families.example import Example, Row
from training.words import wording


def mc_taco(row: Row) -> Iterator[Example]:
    if row["label"] in (0, 1):
        question = wording(f"{row['sentence']} {row['question']}")
        text = f"{row['sentence']}\n\nQuestion about time: {row['question']}\nProposed answer: {row['answer']}"
        yield Example(text, row["label"], question, question)


def multirc(row: Row) -> Iterator[Example]:
    if row["label"] in (0, 1):
        passage = wording(row["paragraph"])
        text = f"{row['paragraph']}\n\nQuestion: {row['question']}\nProposed answer: {row['answer']}"
        yield Example(text, row["label"], passage, f"{passage} {wording(row['question'])}")
