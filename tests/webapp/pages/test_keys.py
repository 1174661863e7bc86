"""The declaration of keys and the elements that they act on."""

import re
from pathlib import Path

from django.test import Client

from webapp.pages.keys import KEYS

TEMPLATES = Path(__file__).parents[3] / "templates"


def in_templates() -> set[str]:
    """Return the keys of all elements in templates; the number of a cell stands for each of the eight."""
    texts = [path.read_text(encoding="utf-8") for path in TEMPLATES.rglob("*.html")]
    named = {key for text in texts for keys in re.findall(r'data-key="([^"]+)"', text) for key in keys.split(" ")}
    cells = {"{{", "cell.number", "}}"}
    return named - cells | set("12345678") if cells <= named else named


def test_every_key_of_an_element_is_declared_and_every_declared_key_has_an_element() -> None:
    declared = {key for keys in KEYS if not keys.own and not keys.rows for key in keys.presses}
    assert in_templates() == declared


def test_the_help_of_a_page_lists_the_declared_keys(page: Client) -> None:
    html = page.get("/experiments/").content.decode()
    assert re.findall(r'data-presses="([^"]+)"', html) == [" ".join(keys.presses) for keys in KEYS]
    for keys in KEYS:
        assert f"<dd>{keys.title}</dd>" in html
