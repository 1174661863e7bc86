"""ETHICS: everyday moral judgements. Variants of one scenario stay together."""

import re
from collections.abc import Iterator

from training.engine.data.families.example import Example, Row, stable
from training.words import identity, wording

STEM = re.compile(r"\b(?:because|since|as|so|but)\b")
"""Pattern after which the variants of a justice scenario differ: the text before it is the same in all of them."""


def deontology(row: Row) -> Iterator[Example]:
    if row["label"] in (0, 1):
        text = f"{row['scenario']}\n{row['excuse']}\n\nThis is reasonable."
        yield Example(text, row["label"], wording(row["scenario"]))


def justice(row: Row) -> Iterator[Example]:
    if row["label"] in (0, 1):
        stem = wording(STEM.split(row["scenario"], maxsplit=1)[0]) or wording(row["scenario"])
        yield Example(f"{row['scenario']}\n\nThis is just.", row["label"], stem)


def virtue(row: Row) -> Iterator[Example]:
    """Convert a row of the form “scenario [SEP] trait”."""
    scenario, _, trait = row["scenario"].rpartition("[SEP]")
    if row["label"] in (0, 1) and scenario:
        yield Example(f"{scenario.strip()}\n\nThis shows the trait: {trait.strip()}", row["label"], wording(scenario))


def utilitarianism(row: Row) -> Iterator[Example]:
    """Convert two scenarios of which ``baseline`` is the more pleasant one. A hash draws which comes first; label 1 means that
    it is the first, so that only the comparison of the two determines the label."""
    pleasant, less = row["baseline"], row["less_pleasant"]
    if identity(pleasant) == identity(less):
        return
    group = wording(pleasant)
    # A hash of the set of the two texts, so that the draw does not depend on which is which.
    first_is_pleasant = stable("order", *sorted((pleasant, less))) % 2
    first, second = (pleasant, less) if first_is_pleasant else (less, pleasant)
    yield Example(f"One: {first}\nTwo: {second}\n\nThe first is more pleasant.", int(first_is_pleasant), group)
