"""Lists of messages in chat data sets as one text: each message after the name of its role."""

import ast
import json
from collections.abc import Mapping
from typing import Any

ROLES = {"human": "User", "gpt": "Assistant", "bot": "Assistant", "model": "Assistant"}
"""Names of the roles user and assistant in other formats."""

LONGEST = 100_000
"""Longest list in Python's notation that is read, in characters."""

KEYS = (("role", "content"), ("from", "value"), ("role", "text"))
"""Keys of a message for its role and its content, in several formats."""


def rendered(value: Any) -> str | None:
    """Return the messages of ``value``, also where they are written as JSON; None where it is not a list of messages."""
    if isinstance(value, str):
        if not value.lstrip().startswith("[{"):
            return None
        value = _written(value)
    if isinstance(value, Mapping):
        value = [value]
    if not isinstance(value, list) or not value:
        return None
    texts = [_message(message) for message in value]
    return None if None in texts else "\n\n".join(filter(None, texts))


def _written(text: str) -> Any:
    """Return a list that is written as JSON, or in Python's notation in a table saved as CSV; None for any other text."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        pass
    try:
        return ast.literal_eval(text) if len(text) <= LONGEST else None
    except (ValueError, SyntaxError, RecursionError, MemoryError):
        return None


def _message(message: Any) -> str | None:
    if not isinstance(message, Mapping):
        return None
    for who, what in KEYS:
        if isinstance(message.get(who), str) and (text := _content(message.get(what))) is not None:
            role = message[who].strip()
            return f"{ROLES.get(role.lower(), role.capitalize())}: {text}"
    return None


def _content(content: Any) -> str | None:
    """Return a content that is a text, or the texts among its parts; None for any other content."""
    if isinstance(content, str):
        return content.strip()
    if isinstance(content, list) and all(isinstance(part, Mapping) for part in content):
        texts = [part["text"] for part in content if isinstance(part.get("text"), str)]
        return "\n".join(texts) if texts else None
    return None
