"""The rows of a slice as pages show them: examples, points of the map, histograms, and texts with marks."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from webapp.example_queries.axes import Axis

SHOWN = 700
"""Characters of a text in a list."""

BEGIN, END = "\ue000", "\ue001"
"""Marks around what was searched for: private characters, which texts have no use for."""

BETWEEN = "\ue002"
"""Stands between the accepted answers of an example."""

BEGINNING = f"if(instr({{text}}, '{BEGIN}') > {SHOWN // 2}, instr({{text}}, '{BEGIN}') - 80, 1)"
EXCERPT = f"if(begin > 1, '… ', '') || substr({{text}}, begin, {SHOWN}) || if(length({{text}}) >= begin + {SHOWN}, ' …', '')"
"""The beginning of a text, or the part around its first mark."""


@dataclass(frozen=True)
class Said:
    """The answer of one model to an example."""

    label: int
    confidence: float
    of_gold: float
    prob: float


@dataclass(frozen=True)
class Wrote:
    """The written answer of one model to an example; the fields are those of ``WrittenAnswers``."""

    text: str
    answer: str
    log_probability: float
    ended: bool
    right: bool


@dataclass(frozen=True)
class Example:
    """An example of a table of either kind."""

    id: int
    row: int
    group: int
    length: int
    cell: int
    flip: int | None
    order: float

    @property
    def cursor(self) -> str:
        return f"{self.order!r}:{self.id}"


@dataclass(frozen=True)
class Labelled(Example):
    """An example with a label, and the answers of the three models by seat."""

    gold: int
    shift: float
    said: Mapping[str, Said]


@dataclass(frozen=True)
class Written(Example):
    """An example with a written answer: ``gold`` is the first accepted one, ``difficulty`` None where the data has none."""

    gold: str
    difficulty: float | None
    said: Mapping[str, Wrote]


@dataclass(frozen=True)
class Point:
    """An example on the map."""

    id: int
    cell: int
    x: float
    y: float
    text: str


@dataclass(frozen=True)
class Frame:
    """The edges of the map: almost all rows of the data set lie between them; ``share`` is the variance along each axis."""

    low: tuple[float, float]
    high: tuple[float, float]
    share: tuple[float, float]


@dataclass(frozen=True)
class Histogram:
    axis: Axis
    all: list[int]
    """Counts of the whole table."""
    shown: list[int]
    """Counts of the view, as if this dimension itself were not brushed."""


Pieces = list[tuple[bool, str]]
"""A text in parts, in order; true marks what was searched for."""


def pieces(text: str) -> Pieces:
    """Return the text cut where it is marked; a mark that was cut off ends with the text."""
    parts: Pieces = []
    marked = False
    for part in re.split(f"([{BEGIN}{END}])", text):
        if part in (BEGIN, END):
            marked = part == BEGIN
        elif part:
            parts.append((marked, part))
    return parts


def between(text: Pieces) -> list[Pieces]:
    """Return the parts of the text between the marks of BETWEEN."""
    texts: list[Pieces] = [[]]
    for marked, part in text:
        first, *more = part.split(BETWEEN)
        texts[-1].append((marked, first))
        texts += [[(marked, later)] for later in more]
    return [[piece for piece in each if piece[1]] for each in texts]
