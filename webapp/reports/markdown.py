"""The author's Markdown as safe HTML: no HTML of its own, no pictures, only web and mail links, maths as SVG."""

import re
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit
from xml.etree import ElementTree  # nosec B405 # reads our own MathML alone

from django.utils.html import escape
from latex2mathml.converter import convert
from markdown_it import MarkdownIt
from markdown_it.token import Token
from mdit_py_plugins.dollarmath import dollarmath_plugin

SCHEMES = {"http", "https", "mailto"}
LONGEST_FORMULA = 2000
"""Characters of TeX; a longer formula is shown as its source."""

SIZE = 20.0
"""Pixels per em in which formulas are drawn; they are shown in the size of the surrounding text."""

DEEPEST = 20
"""Levels of nested lists and quotes; the parser drops deeper ones."""

CACHED = 32
"""Rendered notes that a web process caches: a live page is made at each request, and a hostile table can take seconds."""

MATHML = {
    *("math", "mrow", "mi", "mn", "mo", "ms", "mtext", "mspace", "mfrac", "msqrt", "mroot", "msub", "msup", "msubsup", "munder"),
    *("mover", "munderover", "mtable", "mtr", "mtd", "mstyle", "mpadded", "mphantom", "menclose", "mmultiscripts", "mprescripts"),
}
SVG = "http://www.w3.org/2000/svg"
NAMESPACE = "{http://www.w3.org/1998/Math/MathML}"
HARMLESS = {
    "display",
    "stretchy",
    "fence",
    "form",
    "mathvariant",
    "accent",
    "largeop",
    "movablelimits",
    "columnalign",
    "notation",
}
HARMLESS |= {"linethickness", "width", "height", "depth", "lspace", "rspace", "minsize", "maxsize", "displaystyle", "scriptlevel"}

LOWERED = re.compile(r'style="vertical-align:(-?\d+\.\d+)em"')
ALIGNED = re.compile(r'style="text-align:(left|center|right)"')
"""Styles of elements as the parser and earlier versions write them. The policy of pages forbids them (webapp/middleware.py)."""


@lru_cache(CACHED)
def html(markdown: str) -> str:
    """Return the HTML of the notes; empty for empty notes."""
    return without_styles(str(_parser().render(markdown))) if markdown.strip() else ""


def _parser() -> MarkdownIt:
    parser = MarkdownIt("commonmark", {"html": False, "maxNesting": DEEPEST}).enable("table").disable("image")
    dollarmath_plugin(parser, allow_space=False, allow_digits=False, renderer=_formula)
    parser.validateLink = lambda url: urlsplit(url).scheme.lower() in SCHEMES  # type: ignore[method-assign]
    parser.add_render_rule("link_open", _link)
    return parser


def _link(self: Any, tokens: list[Token], at: int, options: Any, env: Any) -> str:
    tokens[at].attrSet("rel", "noopener noreferrer nofollow")
    return str(self.renderToken(tokens, at, options, env))


def _formula(source: str, options: dict[str, Any]) -> str:
    """Return an SVG of the formula with its source as label: MathML depends on a reader's fonts, and PDFs do not show it.

    Returns the source itself if it cannot be parsed, or if its MathML contains more than maths.
    """
    display = "block" if options["display_mode"] else "inline"
    try:
        mathml = convert(source[: LONGEST_FORMULA + 1], display=display)
        made = ElementTree.fromstring(mathml)  # nosec B314 # what latex2mathml has just written
        if len(source) > LONGEST_FORMULA or not _harmless(made):
            raise ValueError("This is no formula that can be drawn.")
        drawing = _drawn(mathml)
    except Exception:  # latex2mathml and ziamath raise many kinds of errors, which do not help the author
        return f"<code>{escape(source)}</code>"
    reached = ' tabindex="0"' if options["display_mode"] else ""  # a long one scrolls sideways, by keyboard too
    return f'<span role="img" aria-label="{escape(source)}"{reached}>{drawing}</span>'


def _drawn(mathml: str) -> str:
    """Return the SVG in the colour and size of the surrounding text, aligned with its baseline."""
    from ziamath.config import config  # reads fonts when it is imported
    from ziamath.zmath import Math

    config.svg2 = False  # shapes in place: drawings of one page must not refer to each other's ids
    ElementTree.register_namespace("", SVG)
    svg = ElementTree.fromstring(Math(mathml, size=SIZE).svg())  # nosec B314 # what ziamath has just drawn
    svg.set("fill", "currentColor")
    _, top, width, height = map(float, svg.attrib["viewBox"].split())
    svg.set("width", f"{width / SIZE:.3f}em")
    svg.set("height", f"{height / SIZE:.3f}em")
    svg.set("data-number", _depth((top + height) / SIZE))
    return ElementTree.tostring(svg, encoding="unicode")


def _depth(em: float) -> str:
    """Return how far a formula reaches below its line, in steps of 0.02 em; static/css/report.css moves it down."""
    return str(min(100, max(0, round(em / 0.02))))


def without_styles(made: str) -> str:
    """Return the HTML of notes, also of an earlier version, with attributes in place of its styles."""
    lowered = LOWERED.sub(lambda match: f'data-number="{_depth(-float(match[1]))}"', made)
    return ALIGNED.sub(r'align="\1"', lowered)


def _harmless(element: ElementTree.Element) -> bool:
    return all(part.tag.removeprefix(NAMESPACE) in MATHML and part.attrib.keys() <= HARMLESS for part in element.iter())
