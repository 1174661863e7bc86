"""The author's Markdown as HTML that can do no harm: no HTML of its own, no pictures, links to the web alone, maths as MathML."""

import re
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit
from xml.etree import ElementTree

from django.utils.html import escape
from latex2mathml.converter import convert
from markdown_it import MarkdownIt
from markdown_it.token import Token
from mdit_py_plugins.dollarmath import dollarmath_plugin

SCHEMES = {"http", "https", "mailto"}
DEEPEST = 20
"""Lists and quotes in each other; what is deeper is dropped by the parser."""

KEPT = 32
"""Notes that a web process keeps: a live page is made at each request, and a table can be made to take seconds."""

MATHML = {
    *("math", "mrow", "mi", "mn", "mo", "ms", "mtext", "mspace", "mfrac", "msqrt", "mroot", "msub", "msup", "msubsup", "munder"),
    *("mover", "munderover", "mtable", "mtr", "mtd", "mstyle", "mpadded", "mphantom", "menclose", "mmultiscripts", "mprescripts"),
}
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


@lru_cache(KEPT)
def html(markdown: str) -> str:
    """Empty for empty notes."""
    return str(_parser().render(markdown)) if markdown.strip() else ""


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
    """MathML; the formula's own text where it cannot be read, or where it would be more than maths."""
    display = "block" if options["display_mode"] else "inline"
    try:
        made = ElementTree.fromstring(convert(source, display=display))
    except Exception:  # the converter raises errors of many kinds, and none is the author's to debug
        made = None
    if made is None or not _harmless(made):
        return f"<code>{escape(source)}</code>"
    ElementTree.register_namespace("", NAMESPACE[1:-1])
    made.set("alttext", source)
    return ElementTree.tostring(made, encoding="unicode")


def without_maths(notes: str) -> str:
    """The same HTML with every formula as its source text, for who cannot set MathML."""
    return re.sub(r'<math [^>]*alttext="([^"]*)"[^>]*>.*?</math>', r"<code>\1</code>", notes, flags=re.DOTALL)


def _harmless(element: ElementTree.Element) -> bool:
    return all(one.tag.removeprefix(NAMESPACE) in MATHML and one.attrib.keys() <= HARMLESS for one in element.iter())
