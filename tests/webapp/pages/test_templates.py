"""Rules for the source of all templates: patterns that a browser or a screen reader needs everywhere."""

import re
from pathlib import Path

TEMPLATES = Path(__file__).parents[3] / "templates"


def matches(pattern: str) -> list[tuple[str, str]]:
    """Return the template and the text of each match."""
    return [
        (path.relative_to(TEMPLATES).as_posix(), place[0])
        for path in sorted(TEMPLATES.rglob("*.html"))
        for place in re.finditer(pattern, path.read_text(encoding="utf-8"))
    ]


def test_what_scrolls_sideways_is_a_named_region_that_the_keyboard_reaches() -> None:
    """The tag {% scrolls "Its name" %} adds class, role, name and tabindex."""
    assert matches(r'class="scroll\b[^"]*"') == []
    assert len(matches(r"\{% scrolls ")) > 20


def test_links_are_current_and_only_buttons_are_pressed() -> None:
    assert matches(r"<a\b[^>]*aria-pressed[^>]*>") == []


def test_text_that_scrolls_in_its_own_box_is_reached_by_the_keyboard() -> None:
    boxes = matches(r'<\w+\s[^<]*class="(?:log boxed|weighed|quote)\b[^<]*')
    assert len(boxes) > 4
    assert [box for box in boxes if "tabindex" not in box[1]] == []


def test_no_trigger_of_htmx_has_a_condition_which_the_policy_of_the_pages_refuses_as_code() -> None:
    assert matches(r'hx-trigger="[^"]*\[') == []
