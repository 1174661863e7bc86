"""The page as HTML. The same paper and the same doors give the same bytes: nothing of now, of a session, of a person."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.template.loader import render_to_string

from webapp.reports.references import LAB, of_page
from webapp.reports.report import Chart, Paper, Section


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
    access: str = ""
    """Of the socket that is open for as long as the page is (static/js/access.js)."""
    experiment: str = ""
    """Of its experiment, for readers with an account."""
    manage: str = ""
    """Of the page that manages the share, for readers with an account."""


@dataclass(frozen=True)
class Figure:
    """A chart in its place on the page. ``picture`` is an SVG that stands there instead where nothing can be drawn."""

    chart: Chart
    spec: dict[str, Any]
    files: list[tuple[str, str]]
    """Title and address."""
    streamed: bool
    picture: str = ""


@dataclass(frozen=True)
class Part:
    section: Section
    gap: Figure | None
    curves: Figure | None
    decomposition: Figure | None


def page(paper: Paper, doors: Doors) -> str:
    return render_to_string("paper/page.html", {**context(paper, doors), "head": "paper/linked.html"})


def context(paper: Paper, doors: Doors, draw: Callable[[Chart], str] | None = None) -> dict[str, Any]:
    """What the template shows; with ``draw`` charts are the pictures that it makes."""

    def figure(chart: Chart | None) -> Figure | None:
        return _figure(chart, doors, draw) if chart else None

    return {
        "paper": paper,
        "notes": paper.notes,
        "doors": doors,
        "lab": LAB,
        "day": in_words(paper.frozen),
        "parts": [Part(one, figure(one.gap), figure(one.curves), figure(one.decomposition)) for one in paper.sections],
        "bibtex": of_page(paper, doors.address),
        "sources_bibtex": "\n\n".join(source.bibtex for source in paper.sources),
        "spec": json.dumps(paper.provenance.spec, indent=1, ensure_ascii=False),
    }


def _figure(chart: Chart, doors: Doors, draw: Callable[[Chart], str] | None) -> Figure:
    files = [(title, doors.chart(chart.name, how)) for title, how in (("SVG", "svg"), ("PNG", "png"), ("CSV of its rows", "csv"))]
    streamed = doors.wire is not None and doors.wire["chart"] == chart.name
    # What is streamed comes through the socket from the first event on: rows in the page would be drawn twice.
    spec = chart.spec if streamed else chart.drawn
    return Figure(chart, spec, [one for one in files if one[1]], streamed, draw(chart) if draw else "")


def in_words(day: str) -> str:
    """23 November 2026"""
    if not day:
        return ""
    found = date.fromisoformat(day)
    return f"{found.day} {found:%B %Y}"
