"""The policy of pages: no styles, scripts or handlers inside of them, and style sheets for what they say by attributes."""

import re

import pytest
from django.conf import settings

from webapp.charts.styles import CEILING, FAMILIES, WEAK
from webapp.middleware import POLICY

TEMPLATES = settings.BASE_DIR / "templates"
FILES = {"reports/card.html", "reports/inlined.html", "reports/printed.html"}
"""Templates of files with a policy of their own, and of pictures; no page includes them."""

INLINE = re.compile(r"<style|\sstyle=|\son\w+=\"|javascript:|<script(?![^>]*\ssrc=)(?![^>]*type=\"application/)", re.IGNORECASE)
ATTRIBUTES = (settings.BASE_DIR / "static" / "css" / "attributes.css").read_text()


def test_the_policy_allows_nothing_inline_and_no_code_from_text() -> None:
    assert "unsafe" not in POLICY
    assert POLICY.startswith("default-src 'none'; script-src 'self'; style-src 'self'; ")


def test_no_template_has_anything_inline() -> None:
    names = {
        str(path.relative_to(TEMPLATES))
        for path in TEMPLATES.rglob("*.html")
        if INLINE.search(re.sub(r"\{[%{#].*?[%}#]\}", "", path.read_text(), flags=re.DOTALL))
    }
    assert names - FILES == set()


@pytest.mark.parametrize("text", ['<i style="width:1%">', "<style>", '<a onclick="x()">', "<script>", '<a href="javascript:x">'])
def test_what_is_inline_is_found(text: str) -> None:
    assert INLINE.search(f"<p>{text}</p>")


def test_the_style_sheet_knows_every_colour_and_every_number() -> None:
    for token in (WEAK.token, CEILING.token, *FAMILIES):
        assert f'[data-colour="{token}"] {{\n  --c: var(--{token});\n  --c-text: var(--{token}-text);\n}}' in ATTRIBUTES
    for number in range(101):
        assert f'[data-number="{number}"] {{\n  --number: {number};\n}}' in ATTRIBUTES
