"""The page as one file that opens anywhere: styles, fonts and scripts are inside, and its policy forbids any request."""

import re
from functools import cache

from django.template.loader import render_to_string

from webapp.charts.child_programs import SECONDS
from webapp.charts.renderers import RENDERERS
from webapp.project_files import STATIC
from webapp.reports.html import PageLinks, context
from webapp.reports.report import Report
from webapp.reports.stylesheet import for_screens

FIRST = ("js/theme.js",)
SCRIPTS = (
    "vendor/vega.min.js",
    "vendor/vega-lite.min.js",
    "vendor/vega-embed.min.js",
    "js/bins.js",
    "js/curves.js",
    "js/curve_spec.js",
    "js/hover.js",
    "js/charts.js",
    "js/legend.js",
    "js/report.js",
)


def offline(report: Report) -> bytes:
    """Return the HTML file. Raises NotDrawn."""
    with RENDERERS.turn(SECONDS):
        return _written(report)


def _written(report: Report) -> bytes:
    inside = {"head": "reports/inlined.html", "styles": for_screens(), "first": _scripts(FIRST), "scripts": _scripts(SCRIPTS)}
    return render_to_string("reports/page.html", {**context(report, PageLinks()), **inside}).encode()


@cache
def _scripts(names: tuple[str, ...]) -> tuple[str, ...]:
    """Return scripts in which no text ends their script element or begins a comment."""
    texts = [(STATIC / name).read_text(encoding="utf-8") for name in names]
    return tuple(re.sub(r"<(?=/script|script|!--)", r"\\x3c", text, flags=re.IGNORECASE) for text in texts)
