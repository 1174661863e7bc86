"""Styles of roles and methods, the same on every page: names of CSS custom properties, which static/js/charts.js resolves.

A kind of method has its own colour, dash and marker in every experiment. A few related kinds share a colour and differ in dash
and marker.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256

Dash = str | list[int]


@dataclass(frozen=True)
class Style:
    """``token`` names the CSS properties ``--token`` and ``--token-text``, and the class of marks in server-made SVG."""

    token: str
    dash: Dash
    marker: str = "circle"

    @property
    def colour(self) -> str:
        return f"var(--{self.token})"

    @property
    def text(self) -> str:
        return f"var(--{self.token}-text)"

    @property
    def css_dash(self) -> str:
        """Return the dash as a CSS value: 8 2 2 2, or var(--dash-conf)."""
        return " ".join(map(str, self.dash)) if isinstance(self.dash, list) else self.dash.replace("dash(", "var(")


WEAK = Style("weak", "dash(--dash-weak)")
CEILING = Style("strong", "dash(--dash-strong)")

FAMILIES: dict[str, tuple[str, ...]] = {
    "naive": ("naive", "ensemble-mean", "language-modelling"),
    "conf": ("confidence", "confidence-release", "confidence-buffer", "anchored"),
    # Kinds that are often tried together, such as the losses, have different colours.
    "violet": ("symmetric-ce", "easy-to-hard", "bagging"),
    "indigo": ("reverse-kl", "product"),
    "orchid": ("entropy", "entropy-release"),
    "slate": ("filter-fraction", "filter-threshold"),
    "lagoon": ("mixed", "window", "sequential"),
    "rose": ("relabelling", "reverse-ce", "bootstrapping", "adaboost"),
    "olive": ("adaptconf-corrected", "adaptconf", "submitted"),
    "cocoa": ("overlap", "cace", "imitation", "zero-shot", "few-shot"),
}
"""The kinds of methods by the colour that they share; the first kind has the colour's own dash."""

MORE_DASHES: tuple[Dash, ...] = (
    [8, 2, 2, 2],
    [2, 2],
    [12, 2, 2, 2, 2, 2],
    [4, 6],
    [16, 3],
    [5, 2],
    [1, 4],
    [10, 6],
    [16, 3, 2, 3],
    [2, 6],
    [6, 2, 1, 2, 1, 2],
    [20, 6],
    [8, 8],
    [3, 1],
    [12, 2, 4, 2],
)
"""The dashes of the other kinds of a family, in order. Further methods of one kind in an experiment take the next free ones."""

MARKERS = ("circle", "square", "triangle-up", "diamond", "cross", "triangle-down", "triangle-right", "triangle-left")


def _kinds() -> dict[str, Style]:
    styles: dict[str, Style] = {}
    for token, kinds in FAMILIES.items():
        dashes: tuple[Dash, ...] = (f"dash(--dash-{token})", *MORE_DASHES)
        for kind, dash, marker in zip(kinds, dashes, MARKERS, strict=False):
            styles[kind] = Style(token, dash, marker)
    return styles


KINDS = _kinds()


def style_of(kind: str) -> Style:
    """Return the style of a kind. For a kind that is not in the table, as in a stored result, it follows from its name."""
    if kind in KINDS:
        return KINDS[kind]
    number = sha256(kind.encode()).digest()[0]
    tokens = list(FAMILIES)[2:]
    return Style(tokens[number % len(tokens)], MORE_DASHES[len(MORE_DASHES) - 1 - number % 4], MARKERS[4 + number % 4])


def student_styles(kinds: Sequence[str]) -> list[Style]:
    """Return one style per method, in order, no two equal: a repeated kind keeps its colour and takes the next dash and marker.

    The first method of a kind has the style that it has in every experiment.
    """
    own: dict[str, Style] = {}
    for kind in kinds:
        if kind not in own:
            own[kind] = _free(style_of(kind), list(own.values()))
    styles: list[Style] = []
    for kind in kinds:
        styles.append(own[kind] if own[kind] not in styles else _free(own[kind], [*own.values(), *styles]))
    return styles


def _free(wanted: Style, taken: Sequence[Style]) -> Style:
    """Return this style, with the next free dash and marker of its colour if its own dash is taken."""
    used = {str(style.dash) for style in taken if style.token == wanted.token}
    if str(wanted.dash) not in used:
        return wanted
    number = len(used)
    dashes = [dash for dash in MORE_DASHES if str(dash) not in used] or [[2 + number, 2, 1, 2]]
    return Style(wanted.token, dashes[0], MARKERS[number % len(MARKERS)])
