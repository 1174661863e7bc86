"""What a view shows: how many examples are in each cell, how well the models do on them, how they spread, and page after page."""

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import copy
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import numpy.typing as npt

from training.spec import Problem
from webapp.example_queries.counts import Counts, Measures, count, measure_slice
from webapp.example_queries.database import Base, Source
from webapp.example_queries.filters import ORDERS, Where, beyond, holds, inside, pattern, where
from webapp.example_queries.tables import BINS, About, Axis
from webapp.example_queries.view import CELLS, PLANE, RANGES, SEATS, Mode, View, cursor_of
from webapp.parsing import whole

PAGE = 50
SEARCHES = 64
"""That are kept: of a million texts each is 125 KB."""

SHOWN = 700
"""Characters of a text in a list."""

BEGIN, END = "\ue000", "\ue001"
"""Around what was searched for; private characters, which texts have no use for."""


BEGINNING = f"if(instr({{text}}, '{BEGIN}') > {SHOWN // 2}, instr({{text}}, '{BEGIN}') - 80, 1)"
EXCERPT = f"if(begin > 1, '… ', '') || substr({{text}}, begin, {SHOWN}) || if(length({{text}}) >= begin + {SHOWN}, ' …', '')"
"""The beginning of a text, or what is around its first mark."""


class Refused(Exception):
    """The view asks for something that cannot be searched; ``problem`` says what."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.message)
        self.problem = problem


@dataclass(frozen=True)
class Said:
    """What one model says of an example."""

    label: int
    confidence: float
    of_gold: float
    prob: float


@dataclass(frozen=True)
class Example:
    id: int
    row: int
    gold: int
    group: int
    length: int
    cell: int
    shift: float
    flip: int | None
    order: float
    said: Mapping[str, Said]

    @property
    def cursor(self) -> str:
        return f"{self.order!r}:{self.id}"


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
    """What the map shows: almost all rows of the data set lie between the ends; ``share`` is the variance along each axis."""

    low: tuple[float, float]
    high: tuple[float, float]
    share: tuple[float, float]


Pieces = list[tuple[bool, str]]
"""A text in parts, in order; true marks what was searched for."""


@dataclass(frozen=True)
class Histogram:
    axis: Axis
    all: list[int]
    """Of the whole table."""
    kept: list[int]
    """Of the view, as if this dimension itself were not brushed."""


Tagged = tuple[tuple[int, ...], ...]
"""The ids of the examples with each of a view's tags."""


@contextmanager
def open_slice(base: Base, source: Source, view: View, tagged: Tagged = ()) -> Iterator["Slice"]:
    """What ``view`` shows of ``source``. Raises as ``Base.open`` does, and Refused."""
    hits = search(base, source.dataset, source.fingerprint, view.q, view.mode) if view.q else b""
    with base.open(source) as (cursor, about):
        if hits:
            cursor.execute("SET VARIABLE hits = ?::BLOB::BIT", [hits])
        if view.framed:
            found = inside(view)
            held = cursor.execute(f"SELECT {found.all} AS held FROM plane ORDER BY row", found.parameters).fetchnumpy()["held"]  # nosec B608
            cursor.execute("SET VARIABLE inside = ?::BLOB::BIT", [bits(held)])
        yield Slice(cursor, about, view, tagged)


@lru_cache(maxsize=SEARCHES)
def search(base: Base, dataset: Path, fingerprint: str, q: str, mode: Mode) -> bytes:
    """A bit for each text of the data set, in its order: whether it holds what is sought. All views of it share them."""
    found = holds(q, mode)
    with base.texts(dataset, fingerprint) as cursor:
        try:
            held = cursor.execute(f"SELECT {found.all} AS held FROM texts ORDER BY row", found.parameters).fetchnumpy()["held"]  # nosec B608
        except duckdb.Error as error:
            if mode != "regex":
                raise
            reason = str(error).partition("\n")[0].rpartition("Error: ")[2]
            raise Refused(Problem("q", f"This is not a regular expression that can be searched for: {reason}")) from None
    return bits(held)


def bits(held: npt.NDArray[np.bool_]) -> bytes:
    return np.packbits(np.asarray(held, bool)).tobytes() or b"\0"


class Slice:
    """``view`` over the table that ``cursor`` is open on; ``tagged`` has the ids with each of its tags."""

    def __init__(self, cursor: duckdb.DuckDBPyConnection, about: About, view: View, tagged: Tagged = ()) -> None:
        self.cursor, self.about, self.view, self.tagged = cursor, about, view, tagged

    def _rows(self, sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        return self.cursor.execute(sql, list(parameters)).fetchall()

    def _where(self, besides: str = "") -> Where:
        return where(self.view, self.tagged, besides)

    def over(self, view: View) -> "Slice":
        """The same rows by another order or from another page on: the search has been made."""
        other = copy(self)
        other.view = view
        return other

    @cached_property
    def counts(self) -> Counts:
        """In all eight cells, whatever cell is chosen."""
        return count(self.cursor, self._where("cell"))

    @cached_property
    def measures(self) -> Measures:
        """Of the view."""
        return measure_slice(self.counts, self.view.cell, self.about.classes)

    @property
    def rows(self) -> int:
        return self.measures.rows

    @cached_property
    def histograms(self) -> dict[str, Histogram]:
        """Of each dimension: the whole table and the view. Those that are brushed need a look of their own."""
        alike = [name for name in RANGES if not self.view.brushed(name)]
        found = self._where()
        kept = self._histograms(alike, found) if found.conditions else self.about.counts
        for name in RANGES:
            if self.view.brushed(name):
                kept = kept | self._histograms([name], self._where(name))
        return {name: Histogram(self.about.axes[name], self.about.counts[name], kept[name]) for name in RANGES}

    def _histograms(self, names: Sequence[str], found: Where) -> dict[str, list[int]]:
        bins = {name: [0] * BINS for name in names}
        if names:
            sets = ", ".join(f"({name}_bin)" for name in names)
            columns = ", ".join(f"{name}_bin" for name in names)
            flip = f"* REPLACE (CASE WHEN flip IS NULL THEN {BINS} ELSE flip_bin END AS flip_bin)"
            flipped = f"SELECT {flip} FROM examples{found.sql}"  # nosec B608 # names are ours, values are parameters
            sql = f"SELECT {columns}, count(*) FROM ({flipped}) GROUP BY GROUPING SETS ({sets})"  # nosec B608
            for *places, number in self._rows(sql, found.parameters):
                name, place = next((one, at) for one, at in zip(names, places, strict=True) if at is not None)
                if place < BINS:  # what never flips is in no bin
                    bins[name][place] = number
        return bins

    @cached_property
    def frame(self) -> Frame:
        """Of the map; for this and for its points the cursor has to be open on a source with a plane."""
        names = ("low", "high", "share")
        row = self._rows(f"SELECT {', '.join(f'{axis}_{name}' for name in names for axis in PLANE)} FROM frame")[0]  # nosec B608
        return Frame(row[:2], row[2:4], row[4:])

    def spread(self) -> dict[int, int]:
        """How many rows each cell has, as if no rectangle of the map were chosen."""
        found = self._where("map")
        rows = self._rows(f"SELECT cell, count(*) FROM examples{found.sql} GROUP BY cell", found.parameters)  # nosec B608
        return dict.fromkeys(CELLS, 0) | dict(rows)

    def points(self, most: int, characters: int) -> list[Point]:
        """At most ``most`` of these rows: those whose ids have the smallest hashes, so that a row stays while filters change."""
        found = self._where("map")
        kept = f"FROM examples{found.sql} ORDER BY hash(id) LIMIT {most}"
        rows = self._rows(f"SELECT id, row, cell, x, y FROM ({kept}) JOIN plane USING (row) ORDER BY hash(id)", found.parameters)  # nosec B608
        texts = self.texts_by_id([row[0] for row in rows], characters)
        return [Point(one, cell, x, y, texts[one]) for one, _, cell, x, y in rows]

    def page(self, size: int = PAGE) -> list[Example]:
        """The rows after the view's cursor; one more than ``size`` where there are more."""
        found = self._where()
        if cursor := cursor_of(self.view.after):
            found = _and(found, beyond(self.view, True, *cursor))
        return self._examples(found, f"ORDER BY sorted DESC, id LIMIT {size + 1}")

    def one(self, example: int) -> Example | None:
        """An example of the table, whether or not the view lets it through."""
        if whole(example) is None:
            return None
        found = Where()
        found.add("id = ?", example)
        return next(iter(self._examples(found, "")), None)

    def place(self, of: Example) -> int:
        """How many rows of the view come before it."""
        found = _and(self._where(), beyond(self.view, False, of.order, of.id))
        return int(self._rows(f"SELECT count(*) FROM examples{found.sql}", found.parameters)[0][0])  # nosec B608

    def neighbours(self, of: Example) -> tuple[int | None, int | None]:
        """Ids of the rows of the view before and after an example."""
        before = _and(self._where(), beyond(self.view, False, of.order, of.id))
        after = _and(self._where(), beyond(self.view, True, of.order, of.id))
        one = self._examples(before, "ORDER BY sorted, id DESC LIMIT 1")
        other = self._examples(after, "ORDER BY sorted DESC, id LIMIT 1")
        return (one[0].id if one else None), (other[0].id if other else None)

    def holds(self, of: Example) -> bool:
        found = self._where()
        found.add("id = ?", of.id)
        return bool(self._rows(f"SELECT 1 FROM examples{found.sql}", found.parameters))  # nosec B608

    def _examples(self, found: Where, tail: str) -> list[Example]:
        """By their place in the table: the twenty columns are read of those alone that stay."""
        said = ", ".join(f"{seat}_{what}" for seat in SEATS for what in ("label", "conf", "gold", "prob"))
        order = f"({ORDERS[self.view.sort]})::DOUBLE AS sorted"
        kept = f"SELECT place FROM (SELECT place, id, {order} FROM examples{found.sql} {tail})"  # nosec B608
        sql = f"""SELECT id, row, gold, grp, length, cell, shift, flip, {order}, {said}
                  FROM examples WHERE place IN ({kept}) ORDER BY sorted DESC, id"""  # nosec B608
        return [
            Example(*(*row[:9], {seat: Said(*row[9 + 4 * at : 13 + 4 * at]) for at, seat in enumerate(SEATS)}))
            for row in self._rows(sql, found.parameters)
        ]

    def texts(self, rows: Sequence[int], whole: bool = False) -> dict[int, tuple[Pieces, Pieces | None]]:
        """The text or two texts of each of the table's rows, in a list only their beginning, or what is around the first hit."""
        mark = [pattern(self.view), f"{BEGIN}\\0{END}"] if self.view.q else []
        marked = "regexp_replace({}, ?, ?, 'gi')" if mark else "{}"
        sql = f"""SELECT row, {marked.format("text")} AS one, {marked.format("text_b")} AS two
                  FROM texts WHERE row IN (SELECT unnest(?::BIGINT[]))"""  # nosec B608 # names are ours, values are parameters
        if not whole:
            for name in ("one", "two"):
                begin, part = (each.format(text=name) for each in (BEGINNING, EXCERPT))
                sql = f"SELECT * EXCLUDE (begin) REPLACE ({part} AS {name}) FROM (SELECT *, {begin} AS begin FROM ({sql}))"  # nosec B608
        found = self._rows(sql, [*mark, *mark, list(rows)])
        return {row: (pieces(text), None if other is None else pieces(other)) for row, text, other in found}

    def whole(self, rows: Sequence[int]) -> dict[int, tuple[str, str | None]]:
        """The texts of these rows as they are."""
        found = self._rows("SELECT row, text, text_b FROM texts WHERE row IN (SELECT unnest(?::BIGINT[]))", [list(rows)])
        return {row: (one, other) for row, one, other in found}

    def texts_by_id(self, ids: Sequence[int], characters: int) -> dict[int, str]:
        """The beginning of the texts of any examples of the data set; of two texts both."""
        sql = "SELECT id, left(concat_ws(' / ', text, text_b), ?) FROM texts WHERE id IN (SELECT unnest(?::BIGINT[]))"
        return dict(self._rows(sql, [characters, list(ids)]))


def _and(one: Where, other: Where) -> Where:
    return Where(one.conditions + other.conditions, one.parameters + other.parameters)


def pieces(text: str) -> Pieces:
    """The text cut where it is marked; a mark that was cut off ends with the text."""
    found: Pieces = []
    marked = False
    for part in re.split(f"([{BEGIN}{END}])", text):
        if part in (BEGIN, END):
            marked = part == BEGIN
        elif part:
            found.append((marked, part))
    return found
