"""Notes are Markdown with maths, and can contain nothing active."""

import re
import time

import pytest

from webapp.reports.markdown import LONGEST_FORMULA, html, without_styles

HOSTILE = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<style>body{display:none}</style>",
    "[x](javascript:alert(1))",
    "[x](JaVaScRiPt:alert(1))",
    "[x](java&#115;cript:alert(1))",
    "[x](&#1;javascript:alert(1))",
    "[x](data:text/html;base64,PHNjcmlwdD4=)",
    "[x](vbscript:x)",
    "[x](file:///etc/passwd)",
    "[x](//evil.example/)",
    "[x](/experiments/1/)",
    "<javascript:alert(1)>",
    "[x]: javascript:alert(1)\n\n[x]",
    "![x](https://evil.example/pixel.png)",
    '[x](https://a.example "\\"><script>alert(1)</script>")',
    "```<script>\n</code></pre><script>alert(1)</script>\n```",
    "| <script>alert(1)</script> |\n|---|\n| <b onclick=x> |",
    r"$\text{<script>alert(1)</script>}$",
    r"$\href{javascript:alert(1)}{x}$",
    r"$\style{color:red}{x}$",
    r"$$\class{x}{y} \unicode{60}$$",
    '$" onmouseover="alert(1)$',
]
ALLOWED = {
    *(
        "p",
        "em",
        "strong",
        "code",
        "pre",
        "blockquote",
        "ul",
        "ol",
        "li",
        "a",
        "h1",
        "h2",
        "table",
        "thead",
        "tbody",
        "tr",
        "th",
        "td",
    ),
    *("span", "div", "hr", "br", "svg", "path", "rect", "line"),
}
ATTRIBUTES = {"href", "title", "rel", "class", "start", "role", "aria-label"}
ATTRIBUTES |= {
    "xmlns",
    "viewBox",
    "width",
    "height",
    "data-number",
    "align",
    "fill",
    "d",
    "x",
    "y",
    "x1",
    "x2",
    "y1",
    "y2",
    "stroke",
    "stroke-width",
}


@pytest.mark.parametrize("markdown", HOSTILE)
def test_hostile_markdown_is_only_text(markdown: str) -> None:
    made = html(markdown)
    for element in re.findall(r"<(?!/)([^>]*)>", made):
        name, *rest = re.findall(r"^[\w-]+|[\w-]+(?==\")", re.sub(r'="[^"]*"', '=""', element))
        assert name in ALLOWED, made
        assert set(rest) <= ATTRIBUTES, made
    for address in re.findall(r'href="([^"]*)"', made):
        assert re.match(r"https?://|mailto:", address), made


def test_links_to_the_web_say_nothing_about_where_they_are_followed_from() -> None:
    assert '<a href="https://a.example/" rel="noopener noreferrer nofollow">a</a>' in html("[a](https://a.example/)")
    assert '<a href="mailto:a@a.example" rel="noopener noreferrer nofollow">' in html("<a@a.example>")


def test_maths_is_a_drawing_that_its_source_names() -> None:
    made = html(r"Let $\frac{a}{b}$ be, and $$x^2$$")
    assert made.count("<svg ") == 2
    assert r'role="img" aria-label="\frac{a}{b}"' in made
    assert "\\frac" not in re.sub(r'aria-label="[^"]*"', "", made)


def test_the_bar_of_a_fraction_lies_between_its_parts_with_space_on_both_sides() -> None:
    """A browser without a maths font draws it across the denominator."""
    made = html(r"$\frac{x}{x}$")
    bar = re.search(r'<rect[^>]*? y="([-\d.]+)"[^>]*? height="([\d.]+)"', made) or re.search(
        r'<rect[^>]*? height="([\d.]+)"[^>]*? y="([-\d.]+)"', made
    )
    assert bar
    top, thickness = sorted(map(float, bar.groups()))
    parts = [list(map(float, re.findall(r"-?\d+\.\d+", path)))[1::2] for path in re.findall(r' d="(M[^"]*)"', made)]
    above, below = sorted(parts, key=min)
    assert max(above) < top
    assert min(below) > top + thickness


def test_a_formula_stands_on_the_line_in_the_colour_and_size_of_its_text() -> None:
    made = html(r"$\frac{a}{b}$")
    assert 'fill="currentColor"' in made
    assert re.search(r'data-number="[1-9]\d?"', made)
    assert re.search(r'width="[\d.]+em"', made)
    assert " id=" not in made


def test_notes_of_an_earlier_version_have_no_styles_either() -> None:
    assert without_styles('<svg style="vertical-align:-0.640em">') == '<svg data-number="32">'
    assert without_styles('<td style="text-align:right">1</td>') == '<td align="right">1</td>'
    assert html("|a|\n|--:|\n|1|").count('align="right"') == 2
    assert "style=" not in html("|a|\n|:-:|\n|$x_1$|")


def test_a_formula_longer_than_any_is_shown_as_its_source() -> None:
    assert "<code>x+" in html(f"${'x+' * LONGEST_FORMULA}x$")


@pytest.mark.parametrize("formula", [r"\frac{a", r"\left(", "}", r"\begin{matrix}", "a & b", "^", r"\sqrt["])
def test_a_formula_that_cannot_be_read_is_its_source_or_maths(formula: str) -> None:
    made = html(f"Before ${formula}$ after")
    assert made.startswith("<p>Before ")
    assert " after</p>" in made


def test_dollars_in_prose_are_money() -> None:
    assert html("It costs $5 and then $6.") == "<p>It costs $5 and then $6.</p>\n"


@pytest.mark.parametrize(
    "markdown", ["> " * 10_000 + "x", "[" * 10_000, "*a_ " * 5_000, "- " * 10_000, "$" * 20_000, f"${'{' * 9_999}$", "|" * 20_000]
)
def test_notes_of_any_shape_are_read_in_no_time(markdown: str) -> None:
    begun = time.perf_counter()
    html(markdown[:20_000])
    assert time.perf_counter() - begun < 5


def test_no_notes_are_nothing() -> None:
    assert html(" \n ") == ""
