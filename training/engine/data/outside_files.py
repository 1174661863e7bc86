"""Reading of files with labels from outside: CSV, JSON lines or Parquet with a column id, and probabilities or labels.

The columns are ``probability`` (of class 1, or a list with that of each class), or ``probability_0``, ``probability_1`` and so
on, or ``label`` (the number of a class, or its meaning). Other columns are ignored.
"""

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from training.catalog import DatasetEntry
from training.engine.data.files import open_file
from training.engine.data.reader import Reader, Row
from training.engine.data.values import BETWEEN
from training.engine.errors import CorruptData
from training.storage.probabilities import Probabilities, certain

LISTED = 10
"""Largest number of rows or ids that one sentence names."""
SUM_TOLERANCE = 0.01
"""Largest difference of a sum of probabilities from one, as of values with few decimals."""
LARGEST_ID = 2**63 - 1

Parse = Callable[[Row], "list[float] | str"]
"""Return the probabilities of every class, or the sentence that says what is wrong with the row."""


class Problems:
    """Problems of a file by kind, so that each kind is one sentence that names the first rows and ids."""

    def __init__(self) -> None:
        self.by_kind: dict[str, list[str]] = {}

    def add(self, kind: str, place: str) -> None:
        self.by_kind.setdefault(kind, []).append(place)

    @property
    def sentences(self) -> list[str]:
        return [f"{kind}: {listed(places)}." for kind, places in self.by_kind.items()]


def listed(places: Sequence[object]) -> str:
    """Return 4, 5 and 6; or the first ones and the number of the others."""
    words = [str(place) for place in places[:LISTED]]
    if len(places) > LISTED:
        return f"{', '.join(words)} and {len(places) - LISTED:,} others"
    return " and ".join(filter(None, [", ".join(words[:-1]), words[-1]]))


def number(count: int, singular: str, plural: str) -> str:
    """1 id is unknown; 3 ids are unknown"""
    return f"{count:,} {singular if count == 1 else plural}"


def read_labels(
    path: Path, data: DatasetEntry, known: npt.NDArray[np.int64]
) -> tuple[npt.NDArray[np.int64], Probabilities, list[str]]:
    """Return ids (n,) and probabilities of a file for ``data``, whose ids are ``known``, and a sentence for each kind of problem.

    Where there is a problem, missing ids have a sentence too. Rows with a problem are left out of both arrays. Raises
    CorruptData for a file that cannot be read, or without the columns.
    """
    reader, classes = open_file(path), max(2, len(data.classes))
    parse, lists = parser_of(reader, data.classes, classes)
    problems, places = Problems(), dict[int, list[int]]()
    probs = list[npt.NDArray[np.float32]]()
    ids = list[int]()
    real = frozenset(known.tolist())
    for row, values in enumerate(reader.rows(lists=lists), 1):
        text = values["id"].strip()
        if not text.removeprefix("-").isdecimal() or abs(int(text)) > LARGEST_ID:
            problems.add("Not a whole number as id", f"row {row:,} (“{text[:40]}”)")
            continue
        example = int(text)
        places.setdefault(example, []).append(row)
        if example not in real or len(places[example]) > 1:
            continue
        prob = parse(values)
        if isinstance(prob, str):
            problems.add(prob.partition(": ")[0], f"row {row:,} (id {example}, {prob.partition(': ')[2]})")
            continue
        ids.append(example)
        probs.append(np.array(prob, np.float32))  # a list of a thousand numbers takes eight times as much memory
    wide = np.array(probs, np.float32).reshape(len(ids), classes)
    array = wide[:, 1] if classes == 2 else wide
    sentences = [*_of_ids(places, real), *problems.sentences]
    missing = np.setdiff1d(known, np.array(list(places), np.int64))
    return np.array(ids, np.int64), array, [*sentences, *missing_ids(missing, "")] if sentences else []


def missing_ids(ids: npt.NDArray[np.int64], where: str) -> list[str]:
    """Return a sentence that names the missing ``ids``, none without any."""
    return [f"{number(len(ids), 'id is', 'ids are')} missing{where}: {listed(ids.tolist())}."] if len(ids) else []


def _of_ids(places: dict[int, list[int]], real: frozenset[int]) -> list[str]:
    """Return the sentences on doubled and unknown ids."""
    doubled = {example: rows for example, rows in places.items() if len(rows) > 1}
    unknown = {example: rows[0] for example, rows in places.items() if example not in real}
    sentences = []
    if doubled:
        words = [f"{example} (rows {listed([f'{row:,}' for row in rows])})" for example, rows in doubled.items()]
        sentences.append(f"{number(len(doubled), 'id is', 'ids are')} doubled: {listed(words)}.")
    if unknown:
        words = [f"{example} (row {row:,})" for example, row in unknown.items()]
        sentences.append(f"{number(len(unknown), 'id is', 'ids are')} not in the data set: {listed(words)}.")
    return sentences


def parser_of(reader: Reader, meanings: tuple[str, ...], classes: int) -> tuple[Parse, tuple[str, ...]]:
    """Return the function that reads a row's probabilities, and the columns that may be lists. Raises CorruptData."""
    columns, several = set(reader.columns), [f"probability_{number}" for number in range(classes)]
    if "id" not in columns:
        raise CorruptData(f"There is no column “id”. There are: {', '.join(reader.columns)}.")
    if columns.issuperset(several):
        return lambda row: _whole([row[name] for name in several]), ()
    if "probability" in columns:
        return lambda row: _probability(row["probability"], classes), ("probability",)
    if "label" in columns:
        numbers = {str(place): place for place in range(classes)} | {name: place for place, name in enumerate(meanings)}
        return lambda row: _label(row["label"].strip(), numbers, classes), ()
    raise CorruptData(
        f"There is no column “probability”, “{several[0]}” to “{several[-1]}”, or “label”. There are: "
        f"{', '.join(reader.columns)}."
    )


def _probability(text: str, classes: int) -> list[float] | str:
    """Return the probabilities of a column ``probability``: of class 1, or a list with one for each class."""
    values = text.strip().removeprefix("[").removesuffix("]").replace(BETWEEN, ",").split(",")
    if len(values) > 1 or classes > 2:
        return _whole(values) if len(values) == classes else f"Not {classes} probabilities: {len(values)}"
    prob = _number(values[0])
    return [1 - prob, prob] if isinstance(prob, float) else prob


def _whole(texts: Sequence[str]) -> list[float] | str:
    values: list[Any] = [_number(text) for text in texts]
    if wrong := next((value for value in values if isinstance(value, str)), None):
        return str(wrong)
    total = math.fsum(values)
    return values if abs(total - 1) <= SUM_TOLERANCE else f"Probabilities that do not sum to one: {total:.4g}"


def _number(text: str) -> float | str:
    try:
        value = float(text)
    except ValueError:
        return f"Not a number: “{text.strip()[:40]}”"
    return value if 0 <= value <= 1 else f"Not a probability between 0 and 1: {value:g}"


def _label(text: str, numbers: dict[str, int], classes: int) -> list[float] | str:
    place = numbers.get(text, numbers.get(text.removesuffix(".0")))
    if place is None:
        return f"Not a label of the data set: “{text[:40]}”"
    hard: list[float] = np.atleast_1d(certain(np.array([place]), classes)).astype(float).ravel().tolist()
    return [1 - hard[0], hard[0]] if classes == 2 else hard
