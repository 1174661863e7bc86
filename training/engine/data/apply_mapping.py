"""Conversion of an imported file's rows to examples by its mapping; errors name row and column."""

from collections.abc import Callable, Iterator

from training.catalog.column_mapping import Labelled, Pair, columns_of, fill
from training.engine.data.families.example import Example, preference
from training.engine.data.reader import Reader, Row
from training.engine.errors import CorruptData
from training.words import composed, identity, wording


def examples(reader: Reader, mapping: Labelled | Pair, track: Callable[[Iterator[Row]], Iterator[Row]]) -> Iterator[Example]:
    """Yield the examples of every row; rows pass through ``track``. Raises CorruptData, which names row and column."""
    for column in mapping.columns:
        if column not in reader.columns:
            raise CorruptData(f"There is no column “{column}”. There are: {', '.join(reader.columns)}.")
    convert = _labelled(mapping) if isinstance(mapping, Labelled) else _pair(mapping)
    for number, row in enumerate(track(reader.rows(mapping.columns)), 1):
        yield from convert(number, row)


Convert = Callable[[int, Row], Iterator[Example]]


def _labelled(mapping: Labelled) -> Convert:
    meaning = {composed(value): number for number, class_ in enumerate(mapping.classes) for value in class_.values}

    def convert(number: int, row: Row) -> Iterator[Example]:
        value = composed(row[mapping.label])
        if value not in meaning:
            if mapping.skip:
                return
            what = (
                f"“{value[:60]}” is none of the labels that are listed ({', '.join(meaning)})"
                if value
                else "the label is missing"
            )
            raise CorruptData(f"Row {number:,}, column “{mapping.label}”: {what}.")
        text = _text(mapping.text, number, row)
        yield Example(text, meaning[value], _group(mapping.group, number, row) or wording(text) or identity(text))

    return convert


def _pair(mapping: Pair) -> Convert:
    def convert(number: int, row: Row) -> Iterator[Example]:
        chosen, rejected = _text(mapping.chosen, number, row), _text(mapping.rejected, number, row)
        group = _group(mapping.group, number, row) or wording(f"{chosen} {rejected}") or identity(f"{chosen} {rejected}")
        yield from preference(chosen, rejected, group)

    return convert


def _text(template: str, number: int, row: Row) -> str:
    text = fill(template, row).strip()
    empty = [column for column in columns_of(template) if not row[column].strip()]
    if not text or len(empty) == len(columns_of(template)):
        raise CorruptData(f"Row {number:,}, column “{empty[0] if empty else template}”: the text is empty.")
    return text


def _group(column: str | None, number: int, row: Row) -> str:
    if column is None:
        return ""
    if not row[column].strip():
        raise CorruptData(f"Row {number:,}, column “{column}”: the group is missing.")
    return composed(row[column])
