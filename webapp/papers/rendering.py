"""The page as HTML. The same paper and the same doors give the same bytes: nothing of now, of a session, of a person."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.template.loader import render_to_string

from webapp.papers.paper import Chart, Paper
from webapp.papers.sources import LAB, of_page


def nowhere(name: str, how: str) -> str:
    return ""


@dataclass(frozen=True)
class Doors:
    """Addresses that the page is served with; what is empty is not shown."""

    explorer: str = ""
    chart: Callable[[str, str], str] = nowhere
    """Name of a chart (gap-0) and svg, png or csv -> its file."""
    offline: str = ""
    pdf: str = ""
    older: tuple[tuple[str, str], ...] = ()
    """Title and address of other versions."""
    wire: dict[str, Any] | None = None
    """Of a live page: composing.stream, with the address of the socket."""
    address: str = ""
    """Under which the page is cited."""


@dataclass(frozen=True)
class Figure:
    """A chart in its place on the page."""

    chart: Chart
    files: list[tuple[str, str]]
    """Title and address."""
    spec: dict[str, Any]
    streamed: bool


def page(paper: Paper, doors: Doors) -> str:
    return render_to_string("paper/page.html", context(paper, doors))


def context(paper: Paper, doors: Doors) -> dict[str, Any]:
    streamed = doors.wire["chart"] if doors.wire else ""
    return {
        "paper": paper,
        "doors": doors,
        "lab": LAB,
        "figures": {name: _figure(chart, doors, name == streamed) for name, chart in paper.charts.items()},
        "bibtex": of_page(paper, doors.address),
        "sources_bibtex": "\n\n".join(source.bibtex for source in paper.sources),
    }


def _figure(chart: Chart, doors: Doors, streamed: bool) -> Figure:
    files = [(title, doors.chart(chart.name, how)) for title, how in (("SVG", "svg"), ("PNG", "png"), ("CSV of its rows", "csv"))]
    # What is streamed comes through the socket from the first event on: rows in the page would be drawn twice.
    spec = chart.spec if streamed else chart.drawn
    return Figure(chart, [(title, address) for title, address in files if address], spec, streamed)
