"""A slice: the rows of a table that a view selects, with their counts, accuracies and histograms, and one page after another."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from copy import copy
from functools import cached_property
from typing import Any

import duckdb

from webapp.example_queries.counts import Counts, Measures, count, measure_slice
from webapp.example_queries.database import Base, Source
from webapp.example_queries.filters import ORDERS, Where, beyond, inside, pattern, where
from webapp.example_queries.rows import BEGIN, BEGINNING, END, EXCERPT, Example, Frame, Histogram, Pieces, Point, Said, pieces
from webapp.example_queries.search import bits, search
from webapp.example_queries.tables import BINS, About
from webapp.example_queries.view import CELLS, PLANE, RANGES, SEATS, View, cursor_of
from webapp.parsing import whole

PAGE = 50

Tagged = tuple[tuple[int, ...], ...]
"""The ids of the examples with each of a view's tags."""


@contextmanager
def open_slice(base: Base, source: Source, view: View, tagged: Tagged = ()) -> Iterator["Slice"]:
    """Open the slice of ``source`` that ``view`` selects. Raises as ``Base.open`` does, and Refused."""
    hits = search(base, source.dataset, source.fingerprint, view.q, view.mode) if view.q else b""
    with base.open(source) as (cursor, about):
        if hits:
            cursor.execute("SET VARIABLE hits = ?::BLOB::BIT", [hits])
        if view.framed:
            rectangle = inside(view)
            sql = f"SELECT {rectangle.all} AS held FROM plane ORDER BY row"  # nosec B608 # names are ours, values are parameters
            held = cursor.execute(sql, rectangle.parameters).fetchnumpy()["held"]
            cursor.execute("SET VARIABLE inside = ?::BLOB::BIT", [bits(held)])
        yield Slice(cursor, about, base, source, view, tagged)


class Slice:
    """The rows that ``view`` selects from the table of ``source``; ``tagged`` has the ids with each of its tags."""

    def __init__(
        self, cursor: duckdb.DuckDBPyConnection, about: About, base: Base, source: Source, view: View, tagged: Tagged
    ) -> None:
        self.cursor, self.about, self.base, self.source, self.view, self.tagged = cursor, about, base, source, view, tagged

    def _rows(self, sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        return self.cursor.execute(sql, list(parameters)).fetchall()

    def _where(self, besides: str = "") -> Where:
        return where(self.view, self.tagged, besides)

    def over(self, view: View) -> "Slice":
        """Return the same rows in another order or from another page on, without another search."""
        other = copy(self)
        other.view = view
        return other

    @cached_property
    def counts(self) -> Counts:
        """Counts of all eight cells, whatever cell is chosen."""
        return count(self.cursor, self._where("cell"))

    @cached_property
    def measures(self) -> Measures:
        """Accuracies and agreements of the view."""
        return measure_slice(self.counts, self.view.cell, self.about.classes)

    @property
    def rows(self) -> int:
        return self.measures.rows

    @cached_property
    def histograms(self) -> dict[str, Histogram]:
        """The histograms of all dimensions, of the table and of the view. Each brushed dimension needs a query of its own."""
        alike = [name for name in RANGES if not self.view.brushed(name)]
        selected = self._where()
        shown = self._histograms(alike, selected) if selected.conditions else self.about.counts
        for name in RANGES:
            if self.view.brushed(name):
                shown = shown | self._histograms([name], self._where(name))
        return {name: Histogram(self.about.axes[name], self.about.counts[name], shown[name]) for name in RANGES}

    def _histograms(self, names: Sequence[str], selected: Where) -> dict[str, list[int]]:
        bins = {name: [0] * BINS for name in names}
        if names:
            sets = ", ".join(f"({name}_bin)" for name in names)
            columns = ", ".join(f"{name}_bin" for name in names)
            flip = f"* REPLACE (CASE WHEN flip IS NULL THEN {BINS} ELSE flip_bin END AS flip_bin)"
            flipped = f"SELECT {flip} FROM examples{selected.sql}"  # nosec B608 # names are ours, values are parameters
            sql = f"SELECT {columns}, count(*) FROM ({flipped}) GROUP BY GROUPING SETS ({sets})"  # nosec B608
            for *places, number in self._rows(sql, selected.parameters):
                name, place = next(pair for pair in zip(names, places, strict=True) if pair[1] is not None)
                if place < BINS:  # examples that never flip are in no bin
                    bins[name][place] = number
        return bins

    @cached_property
    def frame(self) -> Frame:
        """The frame of the map; for this and for its points the slice has to be open on a source with a plane."""
        names = ("low", "high", "share")
        row = self._rows(f"SELECT {', '.join(f'{axis}_{name}' for name in names for axis in PLANE)} FROM frame")[0]  # nosec B608
        return Frame(row[:2], row[2:4], row[4:])

    def spread(self) -> dict[int, int]:
        """Return the number of rows in each cell, as if no rectangle of the map were chosen."""
        selected = self._where("map")
        rows = self._rows(f"SELECT cell, count(*) FROM examples{selected.sql} GROUP BY cell", selected.parameters)  # nosec B608
        return dict.fromkeys(CELLS, 0) | dict(rows)

    def points(self, most: int, characters: int) -> list[Point]:
        """Return at most ``most`` of these rows, by the smallest hashes of their ids: a row stays while filters change."""
        selected = self._where("map")
        sample = f"FROM examples{selected.sql} ORDER BY hash(id) LIMIT {most}"
        sql = f"SELECT id, row, cell, x, y FROM ({sample}) JOIN plane USING (row) ORDER BY hash(id)"  # nosec B608
        rows = self._rows(sql, selected.parameters)
        texts = self.texts_by_id([row[0] for row in rows], characters)
        return [Point(example, cell, x, y, texts[example]) for example, _, cell, x, y in rows]

    def page(self, size: int = PAGE) -> list[Example]:
        """Return the rows after the view's cursor; one more than ``size`` where there are more."""
        selected = self._where()
        if cursor := cursor_of(self.view.after):
            selected = _and(selected, beyond(self.view, True, *cursor))
        return self._examples(selected, f"ORDER BY sorted DESC, id LIMIT {size + 1}")

    def example(self, number: int) -> Example | None:
        """Return an example of the table, whether or not the view selects it."""
        if whole(number) is None:
            return None
        selected = Where()
        selected.add("id = ?", number)
        return next(iter(self._examples(selected, "")), None)

    def place(self, of: Example) -> int:
        """Return the number of rows of the view before it."""
        earlier = _and(self._where(), beyond(self.view, False, of.order, of.id))
        return int(self._rows(f"SELECT count(*) FROM examples{earlier.sql}", earlier.parameters)[0][0])  # nosec B608

    def neighbours(self, of: Example) -> tuple[int | None, int | None]:
        """Return the ids of the rows of the view before and after an example."""
        before = _and(self._where(), beyond(self.view, False, of.order, of.id))
        after = _and(self._where(), beyond(self.view, True, of.order, of.id))
        previous = self._examples(before, "ORDER BY sorted, id DESC LIMIT 1")
        following = self._examples(after, "ORDER BY sorted DESC, id LIMIT 1")
        return (previous[0].id if previous else None), (following[0].id if following else None)

    def holds(self, of: Example) -> bool:
        selected = self._where()
        selected.add("id = ?", of.id)
        return bool(self._rows(f"SELECT 1 FROM examples{selected.sql}", selected.parameters))  # nosec B608

    def _examples(self, selected: Where, tail: str) -> list[Example]:
        """Return the selected examples. Their places are found first, so that twenty columns are read for these rows only."""
        said = ", ".join(f"{seat}_{column}" for seat in SEATS for column in ("label", "conf", "gold", "prob"))
        order = f"({ORDERS[self.view.sort]})::DOUBLE AS sorted"
        places = f"SELECT place FROM (SELECT place, id, {order} FROM examples{selected.sql} {tail})"  # nosec B608
        sql = f"""SELECT id, row, gold, grp, length, cell, shift, flip, {order}, {said}
                  FROM examples WHERE place IN ({places}) ORDER BY sorted DESC, id"""  # nosec B608
        return [
            Example(*(*row[:9], {seat: Said(*row[9 + 4 * at : 13 + 4 * at]) for at, seat in enumerate(SEATS)}))
            for row in self._rows(sql, selected.parameters)
        ]

    def texts(self, rows: Sequence[int], whole: bool = False) -> dict[int, tuple[Pieces, Pieces | None]]:
        """Return the text or two texts of each of these rows, ``whole`` or the beginning or the part around the first hit."""
        mark = [pattern(self.view), f"{BEGIN}\\0{END}"] if self.view.q else []
        marked = "regexp_replace({}, ?, ?, 'gi')" if mark else "{}"
        sql = f"""SELECT row, {marked.format("text")} AS a, {marked.format("text_b")} AS b
                  FROM texts WHERE row IN (SELECT unnest(?::BIGINT[]))"""  # nosec B608 # names are ours, values are parameters
        if not whole:
            for name in ("a", "b"):
                begin, part = (each.format(text=name) for each in (BEGINNING, EXCERPT))
                sql = f"SELECT * EXCLUDE (begin) REPLACE ({part} AS {name}) FROM (SELECT *, {begin} AS begin FROM ({sql}))"  # nosec B608
        texts = self._rows(sql, [*mark, *mark, list(rows)])
        return {row: (pieces(text), None if other is None else pieces(other)) for row, text, other in texts}

    def whole(self, rows: Sequence[int]) -> dict[int, tuple[str, str | None]]:
        """Return the texts of these rows as they are."""
        sql = "SELECT row, text, text_b FROM texts WHERE row IN (SELECT unnest(?::BIGINT[]))"
        return {row: (text, other) for row, text, other in self._rows(sql, [list(rows)])}

    def texts_by_id(self, ids: Sequence[int], characters: int) -> dict[int, str]:
        """Return the first ``characters`` of the texts of any examples of the data set; two texts are joined."""
        sql = "SELECT id, left(concat_ws(' / ', text, text_b), ?) FROM texts WHERE id IN (SELECT unnest(?::BIGINT[]))"
        return dict(self._rows(sql, [characters, list(ids)]))


def _and(first: Where, second: Where) -> Where:
    return Where(first.conditions + second.conditions, first.parameters + second.parameters)
