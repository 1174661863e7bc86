"""Values of files as texts: plain ones, lists of plain ones, messages, and anything else as JSON."""

import json
from typing import Any

from training.catalog.column_mapping import as_text
from training.engine.data import messages
from training.engine.errors import CorruptData

BETWEEN = "\x1f"
"""The character between the values of a list that is one text."""


def joined(value: Any) -> Any:
    """Return a list of plain values as one text; any other value as it is."""
    if isinstance(value, list) and not any(isinstance(item, list | dict | bytes) for item in value):
        return BETWEEN.join(map(as_text, value))
    return value


def flat(value: Any, row: int, column: str, strict: bool) -> str:
    """Return a value as text: messages one after the other, and lists and objects as JSON, or CorruptData if ``strict``."""
    if (conversation := messages.rendered(value)) is not None:
        return conversation
    if not isinstance(value, list | dict | bytes):
        return as_text(value)
    if strict:
        what = "a list" if isinstance(value, list) else "an object" if isinstance(value, dict) else "bytes"
        raise CorruptData(f"Row {row:,}, column “{column}”: {what}; only text, numbers, true and false can be read.")
    return json.dumps(value, ensure_ascii=False, default=str)
