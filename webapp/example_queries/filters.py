"""Views as SQL: conditions, orders and searches, with all typed values as parameters."""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from training.words import folded_sql
from webapp.example_queries.view import PLANE, RANGES, SEATS, Mode, View


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
    """Return the condition of the rows of ``view``; ``besides`` names a filter that is left out: "cell", "map", or a range.

    ``tagged`` has the ids of the examples with each of the view's tags.
    The SQL variable ``hits`` has the bits of the search, ``inside`` those of the map's rectangle, one for each row.
    """
    condition = Where()
    if view.cell and besides != "cell":
        condition.add("cell IN (SELECT unnest(?))", list(view.cell))
    if view.gold is not None:
        condition.add("gold = ?", view.gold)
    for seat in SEATS:
        if (label := view.label_of(seat)) is not None:
            condition.add(f"{seat}_label = ?", label)
    for name, column in RANGES.items():
        low, high = view.ends(name) if name != besides else (None, None)
        # Probabilities are stored in single precision, so typed ends are rounded to it.
        kind = "" if name in ("flip", "length", "difficulty") else "::FLOAT"
        if low is not None:
            condition.add(f"{column} >= ?{kind}", low)
        if high is not None:
            condition.add(f"{column} <= ?{kind}", high)
    if view.framed and besides != "map":
        condition.add("get_bit(getvariable('inside'), row::INTEGER) = 1")
    if view.group is not None:
        condition.add("grp = ?", view.group)
    for ids in tagged:
        condition.add("id IN (SELECT unnest(?::BIGINT[]))", list(ids))
    if view.q:
        condition.add("get_bit(getvariable('hits'), row::INTEGER) = 1")
    return condition


def beyond(sql: str, after: bool, order: float, example: int) -> Where:
    """Return the condition of the rows after the row with this order and id, or before it, in the order by ``sql``."""
    condition = Where()
    by_order, by_id = ("<", ">") if after else (">", "<")
    condition.add(f"(({sql})::DOUBLE {by_order} ? OR (({sql})::DOUBLE = ? AND id {by_id} ?))", order, order, example)
    return condition


def holds(q: str, mode: Mode, texts: Sequence[str] = ("text", "text_b")) -> Where:
    """Return the condition of the texts with a hit: all words somewhere, the phrase as it is, or a match in one of ``texts``.

    Case and how accents are composed are ignored.
    """
    condition = Where()
    match mode:
        case "words":
            for word in q.split():
                condition.add(f"contains(folded, {folded_sql('?')})", word)
        case "phrase":
            condition.add(f"contains(folded, {folded_sql('?')})", q)
        case "regex":
            matches = (f"regexp_matches(coalesce({text}, ''), ?, 'i')" for text in texts)
            condition.add(f"({' OR '.join(matches)})", *[q] * len(texts))
    return condition


def inside(view: View) -> Where:
    """Return the condition of the rows of the plane in the view's rectangle."""
    condition = Where()
    for name in PLANE:
        for sign, end in zip((">=", "<="), view.ends(name), strict=True):
            if end is not None:
                condition.add(f"{name} {sign} ?::FLOAT", end)
    return condition


def pattern(view: View) -> str:
    """Return the regular expression (RE2) of the parts that are highlighted."""
    if view.mode == "regex":
        return view.q
    sought = view.q.split() if view.mode == "words" else [view.q]
    # Texts are stored as imported: accents may be composed or not.
    forms = dict.fromkeys(unicodedata.normalize(form, term) for term in sought for form in ("NFC", "NFD"))
    return "|".join(map(re.escape, forms))
