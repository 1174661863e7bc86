"""Conversion of a registered source's rows to examples; the rules that follow are the same for every data set."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from training.engine.data.families import CONVERSIONS, PHRASES
from training.engine.data.families.example import Example, Row
from training.engine.errors import CorruptData
from training.words import words as words_of

SHARED_WORDS = 6


def convert(name: str, rows: Iterable[Row]) -> Iterable[Example]:
    """Return the examples of data set ``name``. Raises CorruptData for a row without the source's columns."""
    examples = _each(name, rows)
    return shared_sequences(list(examples)) if name in PHRASES else examples


def _each(name: str, rows: Iterable[Row]) -> Iterator[Example]:
    for number, row in enumerate(rows, 1):
        try:
            yield from CONVERSIONS[name](row)
        except (KeyError, TypeError, AttributeError, IndexError, ValueError) as error:
            raise CorruptData(
                f"Row {number:,} of “{name}” does not have the columns that its conversion expects "
                f"({type(error).__name__}: {error})."
            ) from None


def shared_sequences(examples: Sequence[Example], words: int = SHARED_WORDS) -> list[Example]:
    """Return the examples with merged groups wherever two texts share ``words`` words in a row."""
    parent = list(range(len(examples)))

    def root(index: int) -> int:
        while parent[index] != index:
            parent[index] = parent[parent[index]]
            index = parent[index]
        return index

    first_index: dict[tuple[str, ...], int] = {}
    for index, example in enumerate(examples):
        example_words = words_of(example.text)
        for start in range(max(1, len(example_words) - words + 1)):
            left, right = root(index), root(first_index.setdefault(tuple(example_words[start : start + words]), index))
            parent[max(left, right)] = min(left, right)
    # Named after its smallest member rather than the first, so that the order of rows does not matter.
    names: dict[int, str] = {}
    for index, example in enumerate(examples):
        home = root(index)
        names[home] = min(names.get(home, example.group), example.group)
    return [replace(example, group=names[root(index)]) for index, example in enumerate(examples)]
