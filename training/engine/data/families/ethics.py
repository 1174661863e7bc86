"""ETHICS: everyday moral judgements. Variants of one scenario stay together."""

import re
from collections.abc import Iterator

from training.engine.data.families.example import Example, Row, stable
from training.words import identity, wording

STEM = re.compile(r"\b(?:because|since|as|so|but)\b")
"""Where the variants of a justice scenario part: what comes before is the same in all of them."""


def deontology(row: Row) -> Iterator[Example]:
    if row["label"] in (0, 1):
        text = f"{row['scenario']}\n{row['excuse']}\n\nThis is reasonable."
        yield Example(text, row["label"], wording(row["scenario"]))


def justice(row: Row) -> Iterator[Example]:
    if row["label"] in (0, 1):
        stem = wording(STEM.split(row["scenario"], maxsplit=1)[0]) or wording(row["scenario"])
        yield Example(f"{row['scenario']}\n\nThis is just.", row["label"], stem)


def virtue(row: Row) -> Iterator[Example]:
    """The source writes “scenario [SEP] trait”."""
    scenario, _, trait = row["scenario"].rpartition("[SEP]")
    if row["label"] in (0, 1) and scenario:
        yield Example(f"{scenario.strip()}\n\nThis shows the trait: {trait.strip()}", row["label"], wording(scenario))


def utilitarianism(row: Row) -> Iterator[Example]:
    """Two scenarios of which ``baseline`` is the more pleasant one. Which comes first is drawn by hash, and label 1 says that
    it is the first, so that the label is known from comparing the two and from nothing else."""
    pleasant, less = row["baseline"], row["less_pleasant"]
    if identity(pleasant) == identity(less):
        return
    group = wording(pleasant)
    # Of the two texts as a set, so that the draw does not know which is which.
    first_is_pleasant = stable("order", *sorted((pleasant, less))) % 2
    one, two = (pleasant, less) if first_is_pleasant else (less, pleasant)
    yield Example(f"One: {one}\nTwo: {two}\n\nThe first is more pleasant.", int(first_is_pleasant), group)
