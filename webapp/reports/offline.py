"""The page as one file that opens anywhere: styles, letters and scripts are inside, and its policy lets it ask nobody."""

import re
from functools import cache

from django.template.loader import render_to_string

from webapp.charts.child_programs import SECONDS
from webapp.charts.renderers import RENDERERS
from webapp.reports.html import Doors, context
from webapp.reports.report import Paper
from webapp.reports.stylesheet import STATIC, for_screens

FIRST = ("js/theme.js",)
SCRIPTS = (
    "vendor/vega.min.js",
    "vendor/vega-lite.min.js",
    "vendor/vega-embed.min.js",
    "js/hover.js",
    "js/charts.js",
    "js/legend.js",
    "js/paper.js",
)


def offline(paper: Paper) -> bytes:
    """Raises NotDrawn."""
    with RENDERERS.turn(SECONDS):
        return _written(paper)


def _written(paper: Paper) -> bytes:
    inside = {"head": "paper/inlined.html", "styles": for_screens(), "first": _scripts(FIRST), "scripts": _scripts(SCRIPTS)}
    return render_to_string("paper/page.html", {**context(paper, Doors()), **inside}).encode()


@cache
def _scripts(names: tuple[str, ...]) -> tuple[str, ...]:
    """Scripts in which no text ends the element that they stand in, or begins a comment."""
    found = [(STATIC / name).read_text(encoding="utf-8") for name in names]
    return tuple(re.sub(r"<(?=/script|script|!--)", r"\\x3c", text, flags=re.IGNORECASE) for text in found)
