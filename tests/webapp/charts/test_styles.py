"""A role has the same style everywhere, and no two methods of an experiment have equal styles."""

import re
from typing import get_args

import pytest

from training.spec.methods import EVERY_METHOD, LanguageModelling, MethodBase
from webapp.charts.print_theme import TOKENS, tokens
from webapp.charts.styles import CEILING, FAMILIES, WEAK, Style, student_styles
from webapp.charts.styles import KINDS as KINDS_TABLE

LEARNING: tuple[type[MethodBase], ...] = (*EVERY_METHOD, LanguageModelling)
KINDS = [get_args(method.model_fields["kind"].annotation)[0] for method in LEARNING]
TEN = [
    *("naive", "confidence", "symmetric-ce", "entropy", "filter-fraction"),
    *("mixed", "relabelling", "adaptconf-corrected", "overlap", "reverse-kl"),
]


def test_a_kind_has_the_same_style_in_every_experiment() -> None:
    for kind in KINDS:
        others = [other for other in KINDS if other != kind]
        assert student_styles([kind]) == student_styles([*others, kind])[-1:] == [KINDS_TABLE[kind]]


def test_every_kind_has_a_colour_and_dash_of_its_own() -> None:
    assert set(KINDS) == set(KINDS_TABLE)
    assert len({signs(style) for style in KINDS_TABLE.values()}) == len(KINDS)
    assert len({(style.token, style.marker) for style in KINDS_TABLE.values()}) == len(KINDS)


@pytest.mark.parametrize("kind", [*KINDS, "a kind of an older version"])
@pytest.mark.parametrize("number", range(2, 13))
def test_twelve_methods_of_a_kind_share_the_colour_and_differ_in_dash(kind: str, number: int) -> None:
    styles = student_styles([kind] * number)
    assert len({style.token for style in styles}) == 1
    assert len({signs(style) for style in styles}) == number


def test_kinds_that_share_a_colour_and_come_several_times_all_differ() -> None:
    kinds = ["confidence", "anchored", "confidence", "confidence-release", "confidence", "anchored", "confidence-buffer"]
    styles = student_styles(kinds)
    assert len({signs(style) for style in styles}) == len(kinds)
    assert [styles[kinds.index(kind)] for kind in kinds] == [KINDS_TABLE[kind] for kind in kinds]


def test_kinds_that_the_table_does_not_have_differ_too() -> None:
    styles = student_styles([f"kind {number}" for number in range(12)])
    assert len({signs(style) for style in styles}) == 12


def test_ten_methods_have_ten_colours_that_can_be_seen_in_both_themes() -> None:
    styles = student_styles(TEN)
    for theme in themes():
        assert len({theme[style.token] for style in styles}) == 10
        for style in (*KINDS_TABLE.values(), WEAK, CEILING):
            assert contrast(theme[style.token], theme["bg"]) >= 3
            assert contrast(theme[f"{style.token}-text"], theme["bg"]) >= 4.5


def test_every_colour_has_its_class_wherever_marks_and_words_are_coloured_by_class() -> None:
    for name, wanted in (("base", ".{} {{ color"), ("charts", ".estimates .{} {{"), ("explorer", ".answers rect.{} {{")):
        css = " ".join(TOKENS.with_name(f"{name}.css").read_text(encoding="utf-8").split())
        assert [token for token in FAMILIES if wanted.format(token) not in css] == []


def signs(style: Style) -> tuple[str, str]:
    """Return the colour and the drawn dash."""
    name = str(style.dash).removeprefix("dash(--").removesuffix(")")
    return style.token, tokens().get(name, name.strip("[]").replace(",", ""))


def test_the_themes_know_the_same_colours() -> None:
    light, dark, chosen = themes()
    assert dark == chosen
    assert {name for name in light if name in dark} == dark.keys()


def themes() -> list[dict[str, str]]:
    """Return the colours of the light theme, of the chosen dark theme, and of the dark theme by system preference."""
    css = TOKENS.read_text(encoding="utf-8")
    starts = [css.index(":root {"), css.index('[data-theme="dark"] {'), css.index(":root:not(")]
    return [dict(re.findall(r"--([\w-]+): (#\w{6});", css[start : css.index("}", start)])) for start in starts]


def contrast(first: str, second: str) -> float:
    """Return the contrast ratio of WCAG 2."""
    low, high = sorted(luminance(colour) for colour in (first, second))
    return (high + 0.05) / (low + 0.05)


def luminance(colour: str) -> float:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def test_no_student_has_the_style_of_supervisor_or_ceiling() -> None:
    assert not {style.token for style in student_styles(["naive", "confidence", "x"])} & {WEAK.token, CEILING.token}
