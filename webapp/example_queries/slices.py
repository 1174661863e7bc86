"""A slice: the rows of a table that a view selects, with their counts, accuracies and histograms, and one page after another."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from copy import copy
from functools import cached_property
from typing import Any

import duckdb

from webapp.example_queries.axes import BINS
from webapp.example_queries.counts import Counts, Measures, count, labels_decide, measure_slice
from webapp.example_queries.database import Base, Source
from webapp.example_queries.filters import Where, beyond, inside, pattern, where
from webapp.example_queries.kinds import WRITTEN, check
from webapp.example_queries.rows import (
    BEGIN,
    BEGINNING,
    BETWEEN,
    END,
    EXCERPT,
    Example,
    Frame,
    Histogram,
    Pieces,
    Point,
    between,
    pieces,
)
from webapp.example_queries.search import bits, search, search_written
from webapp.example_queries.tables import About
from webapp.example_queries.view import CELLS, PLANE, SEATS, View, cursor_of
from webapp.parsing import whole

PAGE = 50

Tagged = tuple[tuple[int, ...], ...]
"""The ids of the examples with each of a view's tags."""


@contextmanager
def open_slice(base: Base, source: Source, view: View, tagged: Tagged = ()) -> Iterator["Slice"]:
    """Open the slice of ``source`` that ``view`` selects. Raises as ``Base.open`` does, and Refused."""
    with base.open(source) as (cursor, about):
        check(view, about.kind, about.axes)
        if view.q:
            cursor.execute("SET VARIABLE hits = ?::BLOB::BIT", [_hits(base, source, about, view)])
        if view.framed:
            rectangle = inside(view)
            sql = f"SELECT {rectangle.all} AS held FROM plane ORDER BY row"  # nosec B608 # names are ours, values are parameters
            held = cursor.execute(sql, rectangle.parameters).fetchnumpy()["held"]
            cursor.execute("SET VARIABLE inside = ?::BLOB::BIT", [bits(held)])
        yield Slice(cursor, about, base, source, view, tagged)


def _hits(base: Base, source: Source, about: About, view: View) -> bytes:
    if about.kind is WRITTEN:
        return search_written(base, source, view.q, view.mode)
    return search(base, source.dataset, source.fingerprint, view.q, view.mode)


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

    @property
    def selected(self) -> Where:
        """The condition of the rows of the view."""
        return self._where()

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
        return measure_slice(self.counts, self.view.cell, self.about.classes, labels_decide(self.view))

    @property
    def rows(self) -> int:
        return self.measures.rows

    @cached_property
    def histograms(self) -> dict[str, Histogram]:
        """The histograms of all dimensions, of the table and of the view. Each brushed dimension needs a query of its own."""
        axes = self.about.axes
        alike = [name for name in axes if not self.view.brushed(name)]
        selected = self._where()
        shown = self._histograms(alike, selected) if selected.conditions else self.about.counts
        for name in axes:
            if self.view.brushed(name):
                shown = shown | self._histograms([name], self._where(name))
        return {name: Histogram(axis, self.about.counts[name], shown[name]) for name, axis in axes.items()}

    def _histograms(self, names: Sequence[str], selected: Where) -> dict[str, list[int]]:
        bins = {name: [0] * BINS for name in names}
        if names:
            sets = ", ".join(f"({name}_bin)" for name in names)
            columns = ", ".join(f"{name}_bin" for name in names)
            # names are ours, values are parameters
            sql = f"SELECT {columns}, count(*) FROM examples{selected.sql} GROUP BY GROUPING SETS ({sets})"  # nosec B608
            for *places, number in self._rows(sql, selected.parameters):
                name, place = next(pair for pair in zip(names, places, strict=True) if pair[1] is not None)
                if place < BINS:  # the others have no value, as examples that never flip
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
            selected = _and(selected, beyond(self._order, True, *cursor))
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
        earlier = _and(self._where(), beyond(self._order, False, of.order, of.id))
        return int(self._rows(f"SELECT count(*) FROM examples{earlier.sql}", earlier.parameters)[0][0])  # nosec B608

    def neighbours(self, of: Example) -> tuple[int | None, int | None]:
        """Return the ids of the rows of the view before and after an example."""
        before = _and(self._where(), beyond(self._order, False, of.order, of.id))
        after = _and(self._where(), beyond(self._order, True, of.order, of.id))
        previous = self._examples(before, "ORDER BY sorted, id DESC LIMIT 1")
        following = self._examples(after, "ORDER BY sorted DESC, id LIMIT 1")
        return (previous[0].id if previous else None), (following[0].id if following else None)

    def holds(self, of: Example) -> bool:
        selected = self._where()
        selected.add("id = ?", of.id)
        return bool(self._rows(f"SELECT 1 FROM examples{selected.sql}", selected.parameters))  # nosec B608

    @property
    def _order(self) -> str:
        return self.about.kind.orders[self.view.sort]

    def _examples(self, selected: Where, tail: str) -> list[Example]:
        """Return the selected examples. Their places are found first, so that twenty columns are read for these rows only."""
        kind, order = self.about.kind, f"({self._order})::DOUBLE AS sorted"
        places = f"SELECT place FROM (SELECT place, id, {order} FROM examples{selected.sql} {tail})"  # nosec B608
        sql = f"""SELECT id, row, grp, length, cell, flip, {order}, {", ".join(kind.columns)}
                  FROM examples WHERE place IN ({places}) ORDER BY sorted DESC, id"""  # nosec B608
        return [kind.example(row[:7], row[7:]) for row in self._rows(sql, selected.parameters)]

    def texts(self, rows: Sequence[int], whole: bool = False) -> dict[int, tuple[Pieces, Pieces | None]]:
        """Return the text or two texts of each of these rows, ``whole`` or the beginning or the part around the first hit."""
        texts = self._marked("texts", {"a": "text", "b": "text_b"}, rows, whole)
        return {row: (parts["a"] or [], parts["b"]) for row, parts in texts.items()}

    def accepted(self, rows: Sequence[int], whole: bool = False) -> dict[int, list[Pieces]]:
        """Return the accepted answers of each of these rows, with marks as ``texts`` has them; none where there are labels."""
        columns = {"a": f"array_to_string(answers, '{BETWEEN}')"}
        return {row: between(parts["a"] or []) for row, parts in self._marked("texts", columns, rows, whole).items()}

    def written(self, rows: Sequence[int], whole: bool = False) -> dict[int, dict[str, Pieces]]:
        """Return what each model wrote for these rows, by seat and with marks as ``texts`` has them."""
        texts = self._marked("examples", {seat: f"{seat}_text" for seat in SEATS}, rows, whole)
        return {row: {seat: text or [] for seat, text in parts.items()} for row, parts in texts.items()}

    @property
    def others_named(self) -> list[str]:
        """The names of the further columns of a generative data set."""
        return [name for row in self._rows("SELECT map_keys(others) FROM texts LIMIT 1") for name in row[0] or ()]

    def _marked(
        self, table: str, columns: dict[str, str], rows: Sequence[int], whole: bool
    ) -> dict[int, dict[str, Pieces | None]]:
        """Return these texts of ``table`` for each row, with marks on what is searched for; None for a missing one."""
        mark = [pattern(self.view), f"{BEGIN}\\0{END}"] if self.view.q else []
        marked = "regexp_replace({}, ?, ?, 'gi')" if mark else "{}"
        named = ", ".join(f"{marked.format(column)} AS {name}" for name, column in columns.items())
        # names are ours, values are parameters
        sql = f"SELECT row, {named} FROM {table} WHERE row IN (SELECT unnest(?::BIGINT[]))"  # nosec B608
        if not whole:
            for name in columns:
                begin, part = (each.format(text=name) for each in (BEGINNING, EXCERPT))
                sql = f"SELECT * EXCLUDE (begin) REPLACE ({part} AS {name}) FROM (SELECT *, {begin} AS begin FROM ({sql}))"  # nosec B608
        return {
            row: {name: None if text is None else pieces(text) for name, text in zip(columns, texts, strict=True)}
            for row, *texts in self._rows(sql, [*mark * len(columns), list(rows)])
        }

    def whole(self, rows: Sequence[int]) -> dict[int, tuple[str, str | None]]:
        """Return the texts of these rows as they are."""
        sql = "SELECT row, text, text_b FROM texts WHERE row IN (SELECT unnest(?::BIGINT[]))"
        return {row: (text, other) for row, text, other in self._rows(sql, [list(rows)])}

    def whole_written(self, rows: Sequence[int]) -> dict[int, tuple[str, list[str], dict[str, str | None]]]:
        """Return the prompts, accepted answers and further columns of these rows of a generative data set as they are."""
        sql = "SELECT row, text, answers, others FROM texts WHERE row IN (SELECT unnest(?::BIGINT[]))"
        return {row: (text, accepted, others) for row, text, accepted, others in self._rows(sql, [list(rows)])}

    def texts_by_id(self, ids: Sequence[int], characters: int) -> dict[int, str]:
        """Return the first ``characters`` of the texts of any examples of the data set; two texts are joined."""
        sql = "SELECT id, left(concat_ws(' / ', text, text_b), ?) FROM texts WHERE id IN (SELECT unnest(?::BIGINT[]))"
        return dict(self._rows(sql, [characters, list(ids)]))


def _and(first: Where, second: Where) -> Where:
    return Where(first.conditions + second.conditions, first.parameters + second.parameters)
