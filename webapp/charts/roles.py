"""How each role looks everywhere: colour and dash as names of CSS custom properties, which static/js/charts.js resolves."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

Dash = str | list[int]


@dataclass(frozen=True)
class Look:
    """``token`` names the CSS properties ``--token`` and ``--token-text``, and the class of marks in server-made SVG."""

    token: str
    dash: Dash

    @property
    def colour(self) -> str:
        return f"var(--{self.token})"

    @property
    def text(self) -> str:
        return f"var(--{self.token}-text)"


WEAK = Look("weak", "dash(--dash-weak)")
CEILING = Look("strong", "dash(--dash-strong)")

KINDS = {"naive": Look("naive", "dash(--dash-naive)"), "confidence": Look("conf", "dash(--dash-conf)")}
OTHERS = [Look(token, f"dash(--dash-{token})") for token in ("violet", "orchid", "slate", "lagoon")]
"""Of the other kinds, in the order in which an experiment has them."""
MORE_DASHES: list[Dash] = [[8, 2, 2, 2], [2, 2], [12, 2, 2, 2, 2, 2], [4, 6]]


def student_looks(kinds: Sequence[str]) -> list[Look]:
    """One look per method, in order: the colour says the kind, and where a colour comes again it takes the next dash."""
    others = [kind for kind in dict.fromkeys(kinds) if kind not in KINDS]
    named = KINDS | {kind: OTHERS[place % len(OTHERS)] for place, kind in enumerate(others)}
    seen: Counter[str] = Counter()
    looks = []
    for kind in kinds:
        first = named[kind]
        rank = seen[first.token]
        looks.append(first if rank == 0 else Look(first.token, MORE_DASHES[(rank - 1) % len(MORE_DASHES)]))
        seen[first.token] += 1
    return looks
