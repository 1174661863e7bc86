"""Answers of views in the memory of a web process. Texts and predictions never change, and tags are part of the key."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from webapp.example_queries.counts import Measures
from webapp.example_queries.kinds import WRITTEN
from webapp.example_queries.rows import Example, Histogram, Pieces
from webapp.example_queries.slices import PAGE, Slice

Value = TypeVar("Value")


@dataclass(frozen=True)
class Summary:
    """``cells`` count the rows of the view without its choice of cells, ``measures`` and ``histograms`` are of the view."""

    cells: Mapping[int, int]
    measures: Measures
    histograms: Mapping[str, Histogram]


@dataclass(frozen=True)
class Page:
    """``before`` is the number of rows of the view before ``examples``; ``texts`` are by row.

    Of written answers, ``accepted`` are the references and ``written`` the texts of the models by seat, both by row.
    """

    before: int
    examples: Sequence[Example]
    more: bool
    texts: Mapping[int, tuple[Pieces, Pieces | None]]
    accepted: Mapping[int, list[Pieces]] = field(default_factory=dict)
    written: Mapping[int, Mapping[str, Pieces]] = field(default_factory=dict)


class Cache(Generic[Value]):
    """The ``size`` values that were used last. A value is computed from the slice that the request has open already."""

    def __init__(self, size: int) -> None:
        self._size, self._lock = size, threading.Lock()
        self._values: OrderedDict[Hashable, Value] = OrderedDict()

    def get(self, key: Hashable, compute: Callable[[], Value]) -> Value:
        """Return the value of ``key``. Two threads that miss it at once both compute it."""
        with self._lock:
            if key in self._values:
                self._values.move_to_end(key)
                return self._values[key]
        value = compute()
        with self._lock:
            self._values[key] = value
            if len(self._values) > self._size:
                self._values.popitem(last=False)
        return value

    def cache_clear(self) -> None:
        with self._lock:
            self._values.clear()


SUMMARIES: Cache[Summary] = Cache(512)
PAGES: Cache[Page] = Cache(128)
"""Pages of about 200 KB each."""


def summary_of(rows: Slice) -> Summary:
    key = (rows.base, rows.source, rows.view.rows, rows.tagged)
    return SUMMARIES.get(key, lambda: Summary(rows.counts.cells, rows.measures, rows.histograms))


def page_of(rows: Slice) -> Page:
    key = (rows.base, rows.source, rows.view.page, rows.tagged)
    return PAGES.get(key, lambda: _page(rows))


def _page(rows: Slice) -> Page:
    examples = rows.page()
    before = rows.place(examples[0]) if examples and rows.view.after else 0
    shown = examples[:PAGE]
    numbers = [example.row for example in shown]
    answers = (rows.accepted(numbers), rows.written(numbers)) if rows.about.kind is WRITTEN else ()
    return Page(before, shown, len(examples) > PAGE, rows.texts(numbers), *answers)
