"""A role looks the same everywhere, and no two methods of an experiment look alike."""

import re

from webapp.charts.print_theme import TOKENS, tokens
from webapp.charts.roles import CEILING, WEAK, student_looks


def test_each_kind_has_its_colour_whatever_the_order() -> None:
    assert [look.token for look in student_looks(["confidence", "naive"])] == ["conf", "naive"]


def test_methods_of_one_kind_share_the_colour_and_differ_in_dash() -> None:
    looks = student_looks(["naive", "confidence", "confidence", "confidence"])
    assert [look.token for look in looks] == ["naive", "conf", "conf", "conf"]
    assert len({str(look.dash) for look in looks}) == 4


def test_six_kinds_have_six_colours_and_six_dashes_in_both_themes_that_can_be_seen() -> None:
    looks = student_looks(["naive", "confidence", "a", "b", "c", "d"])
    assert len({look.token for look in looks}) == len({tokens()[f"dash-{look.token}"] for look in looks}) == 6
    for theme in themes():
        shown = [theme[look.token] for look in looks]
        assert len(set(shown)) == 6
        for look in looks:
            assert contrast(theme[look.token], theme["bg"]) >= 3
            assert contrast(theme[f"{look.token}-text"], theme["bg"]) >= 4.5


def test_more_kinds_than_colours_differ_in_dash() -> None:
    looks = student_looks(list("abcdef"))
    assert len({(look.token, str(look.dash)) for look in looks}) == 6


def test_the_themes_know_the_same_colours() -> None:
    light, dark, chosen = themes()
    assert dark == chosen
    assert {name for name in light if name in dark} == dark.keys()


def themes() -> list[dict[str, str]]:
    """The colours of the light theme, of the dark one, and of the dark one that nobody chose."""
    css = TOKENS.read_text(encoding="utf-8")
    starts = [css.index(":root {"), css.index('[data-theme="dark"] {'), css.index(":root:not(")]
    return [dict(re.findall(r"--([\w-]+): (#\w{6});", css[start : css.index("}", start)])) for start in starts]


def contrast(one: str, other: str) -> float:
    """The ratio of WCAG 2."""
    low, high = sorted(luminance(colour) for colour in (one, other))
    return (high + 0.05) / (low + 0.05)


def luminance(colour: str) -> float:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def test_no_student_looks_like_supervisor_or_ceiling() -> None:
    assert not {look.token for look in student_looks(["naive", "confidence", "x"])} & {WEAK.token, CEILING.token}
