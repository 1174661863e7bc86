"""Lists of messages, as chat data sets have them, as one text: each message after the name of its role."""

import json
from collections.abc import Mapping
from typing import Any

ROLES = {"human": "User", "gpt": "Assistant", "bot": "Assistant", "model": "Assistant"}
"""What other formats call the roles user and assistant."""

KEYS = (("role", "content"), ("from", "value"), ("role", "text"))
"""Where a message says who speaks, and what."""


def rendered(value: Any) -> str | None:
    """The messages of ``value``, also where they are written as JSON; None where it is no list of messages."""
    if isinstance(value, str):
        if not value.lstrip().startswith("[{"):
            return None
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            return None
    if isinstance(value, Mapping):
        value = [value]
    if not isinstance(value, list) or not value:
        return None
    found = [_message(one) for one in value]
    return None if None in found else "\n\n".join(filter(None, found))


def _message(one: Any) -> str | None:
    if not isinstance(one, Mapping):
        return None
    for who, what in KEYS:
        if isinstance(one.get(who), str) and (text := _content(one.get(what))) is not None:
            role = one[who].strip()
            return f"{ROLES.get(role.lower(), role.capitalize())}: {text}"
    return None


def _content(content: Any) -> str | None:
    """A text, or the texts among the parts of a message."""
    if isinstance(content, str):
        return content.strip()
    if isinstance(content, list) and all(isinstance(part, Mapping) for part in content):
        texts = [part["text"] for part in content if isinstance(part.get("text"), str)]
        return "\n".join(texts) if texts else None
    return None
