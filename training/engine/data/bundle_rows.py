"""The rows of a feature bundle beside their features: classes, ids, groups and parts, checked; errors name the row."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from training.catalog.bundles import FEWEST_OF_CLASS
from training.catalog.column_mapping import Features
from training.catalog.datasets import MOST_CLASSES
from training.engine.data.bundle_file import Rows
from training.engine.data.bundle_sources import FeatureSource
from training.engine.data.families.example import stable
from training.engine.data.split import PARTS
from training.engine.errors import CorruptData
from training.storage.probabilities import label_type
from training.words import composed

FEWEST, MOST_ROWS = 100, 2_000_000
LONGEST_NAME = 200


class Labelled(NamedTuple):
    """The rows that are kept: their positions in the file, their values, and the names of the classes from 0."""

    keep: npt.NDArray[np.int64]
    rows: Rows
    classes: tuple[str, ...]


def read_rows(source: FeatureSource, mapping: Features, equal: npt.NDArray[np.int64]) -> Labelled:
    """Return the rows of ``source`` by ``mapping``; ``equal`` (n,) is a hash of the features of each row. Raises CorruptData."""
    total = len(equal)
    label, classes = _classes(_values(source, mapping.truth, total), mapping, _names(source, mapping))
    keep = np.flatnonzero(label >= 0)
    if len(keep) < FEWEST:
        raise CorruptData(f"Only {len(keep):,} of {total:,} rows are left, and {FEWEST} are needed.")
    ids, texts = _ids(source, mapping, total)
    group = equal
    if mapping.group is not None:
        names = _values(source, mapping.group, total)
        _refuse_missing(names, mapping.group, "the group is missing")
        codes = {name: stable("group", name) for name in set(names)}
        group = np.array([codes[name] for name in names], np.int64)
    part = None if mapping.split is None else _parts(_values(source, mapping.split, total), mapping.split, group)
    rows = Rows(
        ids[keep],
        [texts[row] for row in keep],
        label[keep].astype(label_type(len(classes))),
        group[keep],
        None if part is None else [part[row] for row in keep],
    )
    return Labelled(keep, rows, classes)


def _values(source: FeatureSource, name: str, total: int) -> list[str]:
    """Return an array of texts, one a row. Raises CorruptData for another number of rows."""
    values = source.column(name)
    if len(values) != total:
        raise CorruptData(f"The array “{name}” has {len(values):,} values, and the features have {total:,} rows.")
    return [composed(value) for value in values]


def _refuse_missing(values: Sequence[str], name: str, what: str) -> None:
    if "" in values:
        raise CorruptData(f"Row {values.index('') + 1:,}, “{name}”: {what}.")


def _names(source: FeatureSource, mapping: Features) -> list[str] | None:
    if mapping.names is None:
        return None
    names = [composed(name) for name in source.column(mapping.names)]
    _refuse_missing(names, mapping.names, "the name of a class is empty")
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise CorruptData(f"Two classes are called “{twice[:60]}”.")
    return names


def _classes(values: list[str], mapping: Features, names: list[str] | None) -> tuple[npt.NDArray[np.int64], tuple[str, ...]]:
    """Return the class of each row (n,), -1 for rows that are left out, and the names of the classes."""
    if not mapping.skip:
        _refuse_missing(values, mapping.truth, "the class is missing")
    counts = dict(zip(*np.unique(values, return_counts=True), strict=True))
    sizes = {str(value): int(number) for value, number in counts.items() if value}
    small = [value for value, size in sizes.items() if size < FEWEST_OF_CLASS]
    if small and not mapping.skip:
        shown = _in_order(small)[0]
        raise CorruptData(
            f"{len(small):,} of {len(sizes):,} classes have fewer than {FEWEST_OF_CLASS} rows, such as “{shown[:60]}” with "
            f"{sizes[shown]}: halves and test set need some of each. They can be left out."
        )
    large = _in_order([value for value in sizes if value not in set(small)])
    if len(large) > MOST_CLASSES:
        raise CorruptData(f"There are {len(large):,} classes, and at most {MOST_CLASSES:,} can be told apart.")
    if len(large) < 2:
        raise CorruptData(f"Only {len(large)} class has rows, and at least two are needed.")
    number = {value: index for index, value in enumerate(large)}
    label = np.array([number.get(value, -1) for value in values], np.int64)
    return label, tuple(_name(value, names, mapping) for value in large)


def _name(value: str, names: list[str] | None, mapping: Features) -> str:
    if names is None:
        return value[:LONGEST_NAME]
    if not value.isdecimal() or int(value) >= len(names):
        raise CorruptData(f"“{value[:60]}” in “{mapping.truth}” is no number of the {len(names):,} classes in “{mapping.names}”.")
    return names[int(value)][:LONGEST_NAME]


def _in_order(values: list[str]) -> list[str]:
    """Return numbers by size, and other values by their letters."""
    try:
        return sorted(values, key=float)
    except ValueError:
        return sorted(values)


def _ids(source: FeatureSource, mapping: Features, total: int) -> tuple[npt.NDArray[np.int64], list[str]]:
    """Return the id of each row, whole numbers as they are and hashes of others, and its name."""
    if mapping.id is None:
        return np.arange(total), [f"row {row:,}" for row in range(total)]
    names = _values(source, mapping.id, total)
    _refuse_missing(names, mapping.id, "the id is missing")
    whole = all(name.isdecimal() and len(name) < 19 for name in names)
    ids = np.array([int(name) if whole else stable("id", name) for name in names], np.int64)
    if len(np.unique(ids)) < total:
        values, sizes = np.unique(ids, return_counts=True)
        first = names[int(np.flatnonzero(ids == values[sizes > 1][0])[0])]
        raise CorruptData(f"The id “{first[:60]}” occurs more than once in “{mapping.id}”.")
    return ids, names


def _parts(values: list[str], name: str, group: npt.NDArray[np.int64]) -> list[str]:
    """Return the part of each row. Raises CorruptData for other words, for a group in two parts, and without test rows."""
    parts = [value.lower() for value in values]
    for row, part in enumerate(parts, 1):
        if part not in PARTS:
            raise CorruptData(f"Row {row:,}, “{name}”: “{values[row - 1][:60]}” is none of {', '.join(PARTS)}.")
    if "test" not in parts:
        raise CorruptData(f"No row of “{name}” is test, and results need some.")
    number = np.array([PARTS.index(part) for part in parts])
    pairs = len(np.unique(np.stack([group, number]), axis=1).T)
    if pairs > len(np.unique(group)):
        what = "Rows of one group, or with equal features,"
        raise CorruptData(f"{what} are in two parts of “{name}”: a model would be tested on what it has been trained on.")
    return parts
