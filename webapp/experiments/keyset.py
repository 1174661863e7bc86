"""Keyset pages: each begins after the values of the last row of the one before, and costs the same however far it is."""

import base64
import binascii
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from django.db.models import F, Q, QuerySet

from webapp.experiments.models import Experiment
from webapp.parsing import whole

NULLABLE = ("pgr", "ended_at")
"""Columns without a value in some rows. Those rows come last in both directions."""


Rows = QuerySet[Experiment]
Cursor = Sequence[Any]
"""The values of a row in the columns of an order."""


class BadCursor(ValueError):
    """The cursor is not one that a page of this order has given."""


def next_ids(
    rows: Rows, columns: Sequence[str], number: int, cursor: Cursor, *, descending: bool, backwards: bool, indexed: bool = True
) -> list[int]:
    """Return the ids of the next ``number`` rows beyond the cursor, or of those before it, the nearest first.

    Only ids are read, since an index has them. With ``indexed`` false, a filter may match few rows and has no index by which they
    are in order. Then the order is by an expression: by the number itself, a database with statistics would read the large rows
    of the table, one after the other, until enough of them match.
    """
    if not indexed:
        rows = rows.annotate(number=F("pk") + 0)
        columns = ["number" if column == "pk" else column for column in columns]
    descending = descending != backwards
    first = columns[0]
    if first not in NULLABLE:
        return _next(rows, columns, cursor, descending, number)
    valued, empty = rows.filter(**{f"{first}__isnull": False}), rows.filter(**{f"{first}__isnull": True})
    sections: list[tuple[Rows, Sequence[str], Sequence[Any]]] = [(valued, columns, cursor), (empty, columns[1:], cursor[1:])]
    if backwards:
        sections.reverse()
    if cursor and (cursor[0] is None) != backwards:  # the first section lies on the other side of the cursor
        sections = sections[1:]
    elif cursor:
        sections[1] = (*sections[1][:2], ())
    ids: list[int] = []
    for some, names, place in sections:
        if len(ids) < number:
            ids += _next(some, names, place, descending, number - len(ids))
    return ids


def _next(rows: Rows, columns: Sequence[str], place: Sequence[Any], descending: bool, number: int) -> list[int]:
    if place:
        rows = rows.filter(_beyond(columns, place, "lt" if descending else "gt"))
    ordered = rows.order_by(*(f"-{column}" if descending else column for column in columns))
    return list(ordered.values_list("pk", flat=True)[:number])


def _beyond(columns: Sequence[str], place: Sequence[Any], than: str) -> Q:
    """Match rows beyond ``place`` in the order of ``columns``; the first condition alone makes an index of use."""
    condition, same = Q(), Q()
    for column, value in zip(columns, place, strict=True):
        condition |= same & Q(**{f"{column}__{than}": value})
        same &= Q(**{column: value})
    return Q(**{f"{columns[0]}__{than}e": place[0]}) & condition


def write_cursor(row: Experiment, columns: Sequence[str]) -> str:
    values = [row.owner.get_username() if column == "owner__username" else getattr(row, column) for column in columns]
    return base64.urlsafe_b64encode(json.dumps(values, default=str, separators=(",", ":")).encode()).decode().rstrip("=")


def read_cursor(text: str, columns: Sequence[str]) -> Cursor:
    """Return the values in a cursor; none for an empty text. Raises BadCursor."""
    if not text:
        return ()
    try:
        values = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    except (binascii.Error, ValueError):
        raise BadCursor from None
    if not isinstance(values, list) or len(values) != len(columns):
        raise BadCursor
    return [_read_value(value, column) for value, column in zip(values, columns, strict=True)]


def _read_value(value: object, column: str) -> Any:
    if value is None and column in NULLABLE:
        return None
    if column == "pk" and isinstance(value, int) and whole(str(value)) is not None:
        return value
    if column == "pgr" and isinstance(value, int | float):
        return float(value)
    if column == "ended_at" and isinstance(value, str):
        return _time(value)
    if column not in ("pk", "pgr", "ended_at") and isinstance(value, str) and "\0" not in value:
        return value
    raise BadCursor


def _time(text: str) -> datetime:
    try:
        at = datetime.fromisoformat(text)
        if at.tzinfo is not None:
            return at.astimezone(UTC)
    except (ValueError, OverflowError):  # or a time before the first or after the last in UTC
        pass
    raise BadCursor
