"""How each role and method looks everywhere: names of CSS custom properties, which static/js/charts.js resolves.

A kind of method has its own colour, dash and marker, the same on every page and in every experiment. A colour stands for a few
related kinds, which differ in dash and marker.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256

Dash = str | list[int]


@dataclass(frozen=True)
class Look:
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
        """As a style has it: 8 2 2 2, or var(--dash-conf)."""
        return " ".join(map(str, self.dash)) if isinstance(self.dash, list) else self.dash.replace("dash(", "var(")


WEAK = Look("weak", "dash(--dash-weak)")
CEILING = Look("strong", "dash(--dash-strong)")

FAMILIES: dict[str, tuple[str, ...]] = {
    "naive": ("naive", "ensemble-mean", "language-modelling"),
    "conf": ("confidence", "confidence-release", "confidence-buffer", "anchored"),
    # What is often tried together, as the losses are, has different colours.
    "violet": ("symmetric-ce", "easy-to-hard", "bagging"),
    "indigo": ("reverse-kl", "product"),
    "orchid": ("entropy", "entropy-release"),
    "slate": ("filter-fraction", "filter-threshold"),
    "lagoon": ("mixed", "window", "sequential"),
    "rose": ("relabelling", "reverse-ce", "bootstrapping", "adaboost"),
    "olive": ("adaptconf-corrected", "adaptconf"),
    "cocoa": ("overlap", "cace", "imitation", "zero-shot", "few-shot"),
}
"""The kinds of methods by the colour that they share; the first of each has the colour's own dash."""

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
"""Of the other kinds of a family in order, then of methods of one kind in one experiment, each of which takes the next."""

MARKERS = ("circle", "square", "triangle-up", "diamond", "cross", "triangle-down", "triangle-right", "triangle-left")


def _kinds() -> dict[str, Look]:
    found: dict[str, Look] = {}
    for token, kinds in FAMILIES.items():
        dashes: tuple[Dash, ...] = (f"dash(--dash-{token})", *MORE_DASHES)
        for kind, dash, marker in zip(kinds, dashes, MARKERS, strict=False):
            found[kind] = Look(token, dash, marker)
    return found


KINDS = _kinds()


def look_of(kind: str) -> Look:
    """The look of a kind; one that is not in the table, as of a stored result, has one that follows from its name."""
    if kind in KINDS:
        return KINDS[kind]
    number = sha256(kind.encode()).digest()[0]
    tokens = list(FAMILIES)[2:]
    return Look(tokens[number % len(tokens)], MORE_DASHES[len(MORE_DASHES) - 1 - number % 4], MARKERS[4 + number % 4])


def student_looks(kinds: Sequence[str]) -> list[Look]:
    """One look per method, in order, no two alike: a kind that comes again keeps its colour and takes the next dash and marker.

    The first of each kind has the look that it has everywhere, whatever else is in the experiment.
    """
    own: dict[str, Look] = {}
    for kind in kinds:
        if kind not in own:
            own[kind] = _free(look_of(kind), list(own.values()))
    looks: list[Look] = []
    for kind in kinds:
        looks.append(own[kind] if own[kind] not in looks else _free(own[kind], [*own.values(), *looks]))
    return looks


def _free(wanted: Look, taken: Sequence[Look]) -> Look:
    """This look, or with the next dash and marker that no other of its colour has."""
    used = {str(look.dash) for look in taken if look.token == wanted.token}
    if str(wanted.dash) not in used:
        return wanted
    number = len(used)
    dashes = [dash for dash in MORE_DASHES if str(dash) not in used] or [[2 + number, 2, 1, 2]]
    return Look(wanted.token, dashes[0], MARKERS[number % len(MARKERS)])
