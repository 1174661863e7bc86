"""The page as one file that opens anywhere: styles, letters and scripts are inside, and its policy lets it ask nobody."""

import base64
import re
from functools import cache
from pathlib import Path

from django.conf import settings
from django.template.loader import render_to_string

from webapp.papers.paper import Paper
from webapp.papers.rendering import Doors, context

STATIC = Path(settings.BASE_DIR) / "static"
STYLES = ("css/tokens.css", "css/base.css", "css/charts.css", "css/paper.css")
FIRST = ("js/theme.js",)
SCRIPTS = ("vendor/vega.min.js", "vendor/vega-lite.min.js", "vendor/vega-embed.min.js", "js/charts.js", "js/paper.js")


def offline(paper: Paper) -> bytes:
    inside = {"head": "paper/inlined.html", "styles": styles(), "first": _scripts(FIRST), "scripts": _scripts(SCRIPTS)}
    return render_to_string("paper/page.html", {**context(paper, Doors()), **inside}).encode()


@cache
def styles() -> str:
    """All style sheets of the page, with the fonts in them."""
    css = "\n".join((STATIC / name).read_text(encoding="utf-8") for name in STYLES)
    return re.sub(r"url\(\.\./(vendor/fonts/[\w-]+\.woff2)\)", _font, css)


def _font(place: re.Match[str]) -> str:
    return f"url(data:font/woff2;base64,{base64.b64encode((STATIC / place[1]).read_bytes()).decode()})"


@cache
def _scripts(names: tuple[str, ...]) -> tuple[str, ...]:
    """Scripts in which no text ends the element that they stand in, or begins a comment."""
    found = [(STATIC / name).read_text(encoding="utf-8") for name in names]
    return tuple(re.sub(r"<(?=/script|script|!--)", r"\\x3c", text, flags=re.IGNORECASE) for text in found)
