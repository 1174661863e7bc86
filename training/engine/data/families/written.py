"""Sources whose answers are written: a number after a solution, a move after moves."""

import re
from collections.abc import Iterator

from training.engine.data.families.example import Prompt, Row
from training.words import wording

CALCULATION = re.compile(r"<<[^>]*>>")
"""Annotation of a calculation in a solution, which the source's own code removes too."""
FINAL = "####"


def gsm8k(row: Row) -> Iterator[Prompt]:
    """Convert a question with its solution; the answer is the number after ####, and the solution is kept."""
    solution, _, answer = row["answer"].rpartition(FINAL)
    if answer.strip():
        text = f"Question: {row['question'].strip()}\nAnswer:"
        yield Prompt(text, (answer.strip(),), wording(row["question"]), None, (CALCULATION.sub("", solution).strip(),))


def lichess(row: Row) -> Iterator[Prompt]:
    """Convert the moves up to a puzzle, joined to its rating, themes and position before the last move; the answer is a move."""
    moves, best = row["ctx"].strip(), row["target"].strip()
    if moves and best:
        themes = row["Themes"] if isinstance(row["Themes"], str) else " ".join(row["Themes"] or ())
        further = (row["id"], themes, row["FEN"], row["Moves"])
        yield Prompt(moves, (best,), wording(moves), float(row["Rating"]), further)
