"""From the rows of a source to a balanced table of examples: converted, without copies, with ids and groups that stay."""

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace

import pyarrow as pa

from training.engine.data.families import CONVERSIONS, PHRASES
from training.engine.data.families.example import Example, Row, normal, stable
from training.engine.errors import CorruptData

LARGEST_CLASS = 0.55
"""Above this share of one class, examples of it are left out until both are equal (Burns et al. 2023, appendix A.1)."""
SHARED_WORDS = 6

VERSION = 1
"""Raised when a conversion would give other examples; part of the fingerprint of every converted data set."""


def convert(name: str, rows: Iterable[Row], seed: str) -> pa.Table:
    """The examples of data set ``name`` as a table of id, text, label and group; ``seed`` draws what balancing leaves out."""
    try:
        examples = [example for row in rows for example in CONVERSIONS[name](row)]
    except (KeyError, TypeError, AttributeError, IndexError, ValueError) as error:
        raise CorruptData(
            f"A row of “{name}” does not have the columns that its conversion expects ({type(error).__name__}: {error})."
        ) from None
    if name in PHRASES:
        examples = shared_sequences(examples)
    return to_table(balance(equal_answers(without_copies(examples)), seed))


def without_copies(examples: Iterable[Example]) -> list[Example]:
    """One example of each text; none of a text that has both labels."""
    first: dict[str, Example] = {}
    labels: defaultdict[str, set[int]] = defaultdict(set)
    for example in examples:
        text = normal_text(example)
        first.setdefault(text, example)
        labels[text].add(example.label)
    return [example for text, example in first.items() if text and len(labels[text]) == 1]


def normal_text(example: Example) -> str:
    """Spaces and case aside; punctuation counts, since acceptability may hang on it."""
    return re.sub(r"\s+", " ", example.text).strip().lower()


def equal_answers(examples: Sequence[Example]) -> list[Example]:
    """As many right as wrong answers of each question, chosen by hash; examples without a question stay."""
    by_question: defaultdict[str, tuple[list[Example], list[Example]]] = defaultdict(lambda: ([], []))
    for example in examples:
        if example.question:
            by_question[example.question][example.label].append(example)
    kept = {
        example
        for question, sides in by_question.items()
        for side in sides
        for example in sorted(side, key=lambda one: stable("answer", question, one.text))[: min(map(len, sides))]
    }
    return [example for example in examples if not example.question or example in kept]


def balance(examples: Sequence[Example], seed: str) -> list[Example]:
    """Both classes in equal numbers, where the larger one has more than 55%; what stays does not hang on the order of rows."""
    sides = [[example for example in examples if example.label == label] for label in (0, 1)]
    smaller, larger = sorted(sides, key=len)  # of two equal ones, nothing is left out
    if len(larger) <= LARGEST_CLASS * len(examples):
        return list(examples)
    kept = set(sorted(larger, key=lambda one: stable("balance", seed, one.group, one.text))[: len(smaller)])
    kept |= set(smaller)
    return [example for example in examples if example in kept]


def shared_sequences(examples: Sequence[Example], words: int = SHARED_WORDS) -> list[Example]:
    """The examples with groups drawn together wherever two texts share ``words`` words in a row."""
    parent = list(range(len(examples)))

    def root(index: int) -> int:
        while parent[index] != index:
            parent[index] = parent[parent[index]]
            index = parent[index]
        return index

    seen: dict[tuple[str, ...], int] = {}
    for index, example in enumerate(examples):
        found = normal(example.text).split()
        for start in range(max(1, len(found) - words + 1)):
            one, other = root(index), root(seen.setdefault(tuple(found[start : start + words]), index))
            parent[max(one, other)] = min(one, other)
    # Named after the smallest of its members and not after the first, so that the order of rows does not matter.
    names: dict[int, str] = {}
    for index, example in enumerate(examples):
        home = root(index)
        names[home] = min(names.get(home, example.group), example.group)
    return [replace(example, group=names[root(index)]) for index, example in enumerate(examples)]


def to_table(examples: Sequence[Example]) -> pa.Table:
    """Columns id (int64, of text and group), text, label (int8) and group (int64, of the group's name)."""
    return pa.table(
        {
            "id": pa.array([stable("id", one.text, one.group) for one in examples], pa.int64()),
            "text": pa.array([one.text for one in examples], pa.string()),
            "label": pa.array([int(one.label) for one in examples], pa.int8()),
            "group": pa.array([stable("group", one.group) for one in examples], pa.int64()),
        }
    )
