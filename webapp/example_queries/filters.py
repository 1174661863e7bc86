"""A view as SQL: conditions, orders and searches, with everything that a person typed as a parameter."""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from training.words import folded_sql
from webapp.example_queries.view import PLANE, RANGES, Mode, View

ORDERS = {
    "disagreement": "shift",
    "corrections": "CASE WHEN cell IN (5, 6) THEN student_conf ELSE 0 END",
    "regressions": "CASE WHEN cell IN (3, 4) THEN student_conf ELSE 0 END",
    "blind": "CASE WHEN cell IN (3, 4, 7, 8) THEN student_conf - weak_conf ELSE -1 END",
    "errors": "-ceiling_gold",
    "length": "length",
    "id": "0",
}
"""What each order sorts by, the largest first; equal ones by id, which is a hash."""


@dataclass
class Where:
    """Conditions that all hold, and their parameters."""

    conditions: list[str] = field(default_factory=list)
    parameters: list[Any] = field(default_factory=list)

    def add(self, condition: str, *parameters: Any) -> None:
        self.conditions.append(condition)
        self.parameters += parameters

    @property
    def all(self) -> str:
        return " AND ".join(self.conditions) or "true"

    @property
    def sql(self) -> str:
        return f" WHERE {self.all}" if self.conditions else ""


def where(view: View, tagged: Sequence[Sequence[int]], besides: str = "") -> Where:
    """Which rows ``view`` lets through; ``besides`` names one filter that is left out: "cell", "map", or the name of a range.

    ``tagged`` has the ids of the examples with each of the view's tags.
    What was searched for is in the variable ``hits``, what lies in the map's rectangle in ``inside``, a bit a row.
    """
    found = Where()
    if view.cell and besides != "cell":
        found.add("cell IN (SELECT unnest(?))", list(view.cell))
    if view.gold is not None:
        found.add("gold = ?", view.gold)
    for name, column in RANGES.items():
        low, high = view.ends(name) if name != besides else (None, None)
        # Probabilities are stored in single precision, and what a person types is meant so.
        kind = "" if name in ("flip", "length") else "::FLOAT"
        if low is not None:
            found.add(f"{column} >= ?{kind}", low)
        if high is not None:
            found.add(f"{column} <= ?{kind}", high)
    if view.framed and besides != "map":
        found.add("get_bit(getvariable('inside'), row::INTEGER) = 1")
    if view.group is not None:
        found.add("grp = ?", view.group)
    for ids in tagged:
        found.add("id IN (SELECT unnest(?::BIGINT[]))", list(ids))
    if view.q:
        found.add("get_bit(getvariable('hits'), row::INTEGER) = 1")
    return found


def beyond(view: View, after: bool, order: float, example: int) -> Where:
    """The rows that come after the row with this order and id, or before it."""
    found, sql = Where(), ORDERS[view.sort]
    one, other = ("<", ">") if after else (">", "<")
    found.add(f"(({sql})::DOUBLE {one} ? OR (({sql})::DOUBLE = ? AND id {other} ?))", order, order, example)
    return found


def holds(q: str, mode: Mode) -> Where:
    """Which texts hold what is sought: all words somewhere, the phrase as it is, or a match.

    Case and how accents are composed are ignored.
    """
    found = Where()
    match mode:
        case "words":
            for word in q.split():
                found.add(f"contains(folded, {folded_sql('?')})", word)
        case "phrase":
            found.add(f"contains(folded, {folded_sql('?')})", q)
        case "regex":
            found.add("(regexp_matches(text, ?, 'i') OR regexp_matches(coalesce(text_b, ''), ?, 'i'))", q, q)
    return found


def inside(view: View) -> Where:
    """Which rows of the plane lie in the view's rectangle."""
    found = Where()
    for name in PLANE:
        for sign, end in zip((">=", "<="), view.ends(name), strict=True):
            if end is not None:
                found.add(f"{name} {sign} ?::FLOAT", end)
    return found


def pattern(view: View) -> str:
    """The regular expression (RE2) of what is to be highlighted."""
    if view.mode == "regex":
        return view.q
    sought = view.q.split() if view.mode == "words" else [view.q]
    # A text stands as it was brought: accents may be composed or not.
    forms = dict.fromkeys(unicodedata.normalize(form, one) for one in sought for form in ("NFC", "NFD"))
    return "|".join(map(re.escape, forms))
