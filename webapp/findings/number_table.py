"""A table of numbers, made once: its cells have the text of a page and of LaTeX, and the unrounded values of a CSV file."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import takewhile
from typing import Any

from training.metrics.intervals import Estimate
from webapp.charts.numbers import p_text, points, points_interval, rate, rate_interval

Value = str | int | float | None


@dataclass(frozen=True)
class Column:
    title: str
    right: bool = True
    """Numbers stand on the right, words on the left."""
    style: str = ""
    """The name of a style, as in webapp/charts/styles.py."""


@dataclass(frozen=True)
class Cell:
    """``values`` are those of the file, by the ending of their column's title: "" for the value itself, then low, high, state.

    A cell without a number has a word in its place, and perhaps a ``reason``, which becomes a footnote.
    """

    text: str = ""
    interval: str = ""
    values: Mapping[str, Value] = field(default_factory=dict)
    reason: str = ""
    word: bool = False
    link: str = ""
    style: str = ""
    detail: str = ""
    """A second, smaller line on a page, which follows the text in a file."""


def plain(text: str, link: str = "", style: str = "", detail: str = "") -> Cell:
    return Cell(text, values={"": ", ".join(filter(None, (text, detail)))}, link=link, style=style, detail=detail)


def whole_number(number: int) -> Cell:
    return Cell(f"{number:,}", values={"": number})


def share(estimate: Estimate, digits: int = 3) -> Cell:
    """Return an accuracy or a PGR with its interval."""
    ends = {"": estimate.value, "low": estimate.low, "high": estimate.high}
    return Cell(rate(estimate.value, digits), rate_interval(estimate, digits), ends)


def difference(estimate: Estimate) -> Cell:
    """Return a difference of shares in percentage points with its interval."""
    ends = {"": estimate.value, "low": estimate.low, "high": estimate.high}
    scaled = {name: None if end is None else 100 * end for name, end in ends.items()}
    return Cell(points(estimate.value), points_interval(estimate), scaled)


def p_value(p: float) -> Cell:
    """Return a p value: .032, < .001"""
    return Cell(p_text(p).removeprefix("= "), values={"": p})


def word(text: str, reason: str = "") -> Cell:
    """Return a word in the place of a number, such as unresolved."""
    return Cell(text, values={"state": text}, reason=reason, word=True)


EMPTY = Cell()


@dataclass(frozen=True)
class Placed:
    """A cell in its table: ``mark`` is the letter of its footnote; a name that the row above has already is ``repeated``."""

    column: Column
    cell: Cell
    mark: str
    repeated: bool


@dataclass(frozen=True)
class NumberTable:
    """``name`` is part of the names of its files; ``caption`` says the number of seeds and the kind of the intervals."""

    name: str
    title: str
    columns: Sequence[Column]
    rows: Sequence[Sequence[Cell]]
    caption: str

    @cached_property
    def marks(self) -> dict[str, str]:
        """Return the letter of each reason, in the order of the cells: a to z, then aa."""
        reasons = dict.fromkeys(cell.reason for row in self.rows for cell in row if cell.reason)
        return {reason: _letter(number) for number, reason in enumerate(reasons)}

    @property
    def footnotes(self) -> list[tuple[str, str]]:
        return [(mark, reason) for reason, mark in self.marks.items()]

    @property
    def lines(self) -> list[list["Placed"]]:
        """Return the rows as a page and LaTeX show them."""
        above: Sequence[Cell] = ()
        lines = []
        for row in self.rows:
            same = [cell == before and not column.right for cell, before, column in zip(row, above, self.columns, strict=False)]
            names = len(list(takewhile(bool, same[:-1])))
            cells = enumerate(zip(self.columns, row, strict=True))
            lines.append([Placed(column, cell, self.marks.get(cell.reason, ""), at < names) for at, (column, cell) in cells])
            above = row
        return lines

    def records(self) -> list[dict[str, Any]]:
        """Return the rows of a file: unrounded, with a column for each end of an interval and for words in place of numbers."""
        endings = [
            list(dict.fromkeys(["", *(name for row in self.rows for name in row[at].values)])) for at in range(len(self.columns))
        ]
        return [
            {
                f"{column.title}, {ending}" if ending else column.title: cell.values.get(ending)
                for column, cell, names in zip(self.columns, row, endings, strict=True)
                for ending in names
            }
            for row in self.rows
        ]


def _letter(number: int) -> str:
    more, last = divmod(number, 26)
    return (_letter(more - 1) if more else "") + chr(ord("a") + last)
