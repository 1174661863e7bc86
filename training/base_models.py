"""What everything that is asked for or told is made of."""

import re
from typing import Any

from pydantic import BaseModel, ConfigDict, field_validator, model_validator

UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
"""U+0000, which PostgreSQL keeps in no text, and halves of characters, which no encoding has but JSON can spell."""

REFUSED = "A text has the character U+0000 or half of a character, which cannot be stored. Take it out and send it again."


def storable(value: Any) -> bool:
    """Whether no text in ``value``, a JSON document or a text, has what cannot be stored."""
    waiting = [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, str):
            if UNSTORABLE.search(one):
                return False
        elif isinstance(one, dict):
            waiting += [*one.keys(), *one.values()]
        elif isinstance(one, list | tuple):
            waiting += one
    return True


def cleaned(value: Any) -> Any:
    """``value`` with U+FFFD in the place of what cannot be stored."""
    if isinstance(value, str):
        return UNSTORABLE.sub("\ufffd", value)
    if isinstance(value, dict):
        return {cleaned(name): cleaned(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(map(cleaned, value))
    return value


class Frozen(BaseModel):
    """Values that never change, of known names only, and never infinite."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Requested(Frozen):
    """What somebody asks for: a text that cannot be stored is refused, at its field."""

    @field_validator("*")
    @classmethod
    def _storable(cls, value: Any) -> Any:
        if not storable(value):
            raise ValueError(REFUSED)
        return value


class Reported(Frozen):
    """What a program tells, which may quote data and logs: what cannot be stored of a text is replaced."""

    @model_validator(mode="before")
    @classmethod
    def _cleaned(cls, value: Any) -> Any:
        return value if storable(value) else cleaned(value)
