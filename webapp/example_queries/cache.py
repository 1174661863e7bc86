"""What a view has said, kept in the memory of a web process: texts and predictions never change, and tags are in the key."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from webapp.example_queries.counts import Measures
from webapp.example_queries.database import Base, Source
from webapp.example_queries.slices import PAGE, Example, Histogram, Pieces, Tagged, open_slice
from webapp.example_queries.view import View

SUMMARIES = 512
PAGES = 128
"""About 200 KB each."""


@dataclass(frozen=True)
class Summary:
    """``cells`` count what the view lets through without its cells, ``measures`` and ``histograms`` are of the view."""

    cells: Mapping[int, int]
    measures: Measures
    histograms: Mapping[str, Histogram]


@dataclass(frozen=True)
class Page:
    """``before`` is the number of rows of the view before ``examples``; ``texts`` are by row."""

    before: int
    examples: Sequence[Example]
    more: bool
    texts: Mapping[int, tuple[Pieces, Pieces | None]]


def summary_of(base: Base, source: Source, view: View, tagged: Tagged) -> Summary:
    return _summary(base, source, view.rows, tagged)


def page_of(base: Base, source: Source, view: View, tagged: Tagged) -> Page:
    return _page(base, source, view.page, tagged)


@lru_cache(maxsize=SUMMARIES)
def _summary(base: Base, source: Source, view: View, tagged: Tagged) -> Summary:
    with open_slice(base, source, view, tagged) as found:
        return Summary(found.counts.cells, found.measures, found.histograms)


@lru_cache(maxsize=PAGES)
def _page(base: Base, source: Source, view: View, tagged: Tagged) -> Page:
    with open_slice(base, source, view, tagged) as found:
        page = found.page()
        before = found.place(page[0]) if page and view.after else 0
        return Page(before, page[:PAGE], len(page) > PAGE, found.texts([example.row for example in page[:PAGE]]))
