"""The page as HTML. Equal reports and links give equal bytes: nothing depends on the time, a session or a person."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.template.loader import render_to_string

from webapp.reports.markdown import without_styles
from webapp.reports.references import LAB, of_page
from webapp.reports.report import Chart, Report, Section


def nowhere(name: str, how: str) -> str:
    return ""


@dataclass(frozen=True)
class PageLinks:
    """Addresses that the page links to; an empty one is not shown."""

    explorer: str = ""
    chart: Callable[[str, str], str] = nowhere
    """Function from the name of a chart (gap-0) and svg, png or csv to the address of its file."""
    offline: str = ""
    pdf: str = ""
    older: tuple[tuple[str, str], ...] = ()
    """Titles and addresses of other versions."""
    wire: dict[str, Any] | None = None
    """The data of ``composition.stream`` with the address of the socket, for a live page."""
    address: str = ""
    """The address under which the page is cited."""
    access: str = ""
    """The address of the socket that stays open while the page may be read (static/js/access.js)."""
    experiment: str = ""
    """The address of its experiment, for readers with an account."""
    manage: str = ""
    """The address of the page that manages the share, for readers with an account."""


@dataclass(frozen=True)
class Figure:
    """A chart on the page. ``picture`` is an SVG that replaces it in documents without scripts."""

    chart: Chart
    spec: dict[str, Any]
    files: list[tuple[str, str]]
    """Titles and addresses."""
    streamed: bool
    picture: str = ""


@dataclass(frozen=True)
class Part:
    section: Section
    gap: Figure | None
    curves: Figure | None
    decomposition: Figure | None


def page(report: Report, links: PageLinks) -> str:
    return render_to_string("reports/page.html", {**context(report, links), "head": "reports/linked.html"})


def context(report: Report, links: PageLinks, draw: Callable[[Chart], str] | None = None) -> dict[str, Any]:
    """Return the context of the template; with ``draw`` charts are replaced by the pictures that it makes."""

    def figure(chart: Chart | None) -> Figure | None:
        return _figure(chart, links, draw) if chart else None

    return {
        "report": report,
        "notes": without_styles(report.notes),
        "links": links,
        "lab": LAB,
        "day": in_words(report.frozen),
        "parts": [
            Part(section, figure(section.gap), figure(section.curves), figure(section.decomposition))
            for section in report.sections
        ],
        "bibtex": of_page(report, links.address),
        "sources_bibtex": "\n\n".join(source.bibtex for source in report.sources),
        "spec": json.dumps(report.provenance.spec, indent=1, ensure_ascii=False),
    }


def _figure(chart: Chart, links: PageLinks, draw: Callable[[Chart], str] | None) -> Figure:
    files = [(title, links.chart(chart.name, how)) for title, how in (("SVG", "svg"), ("PNG", "png"), ("CSV of its rows", "csv"))]
    streamed = links.wire is not None and links.wire["chart"] == chart.name
    # The socket of a streamed chart sends all events from the first: rows in the page would be drawn twice.
    spec = chart.spec if streamed else chart.drawn
    return Figure(chart, spec, [file for file in files if file[1]], streamed, draw(chart) if draw else "")


def in_words(day: str) -> str:
    """23 November 2026"""
    if not day:
        return ""
    parsed = date.fromisoformat(day)
    return f"{parsed.day} {parsed:%B %Y}"
