"""Base classes of requests and reports: frozen values without text that cannot be stored."""

import re
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
"""U+0000, which PostgreSQL cannot store in a text, and lone surrogates, which JSON can spell but UTF-8 cannot encode."""

Count = Annotated[int, Field(ge=0, lt=2**63)]
"""A number of steps, rows, tokens, bytes and so on, as a database can store it."""

REFUSED = "A text has the character U+0000 or half of a character, which cannot be stored. Take it out and send it again."


def storable(value: Any) -> bool:
    """Return whether every text in ``value``, a JSON document or a text, can be stored."""
    waiting = [value]
    while waiting:
        item = waiting.pop()
        if isinstance(item, str):
            if UNSTORABLE.search(item):
                return False
        elif isinstance(item, dict):
            waiting += [*item.keys(), *item.values()]
        elif isinstance(item, list | tuple):
            waiting += item
    return True


def cleaned(value: Any) -> Any:
    """Return ``value`` with U+FFFD in place of each character that cannot be stored."""
    if isinstance(value, str):
        return UNSTORABLE.sub("\ufffd", value)
    if isinstance(value, dict):
        return {cleaned(name): cleaned(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(map(cleaned, value))
    return value


class Frozen(BaseModel):
    """A frozen model: no unknown fields, no infinite numbers."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Requested(Frozen):
    """Input from outside: a text that cannot be stored is an error of its field."""

    @field_validator("*")
    @classmethod
    def _storable(cls, value: Any) -> Any:
        if not storable(value):
            raise ValueError(REFUSED)
        return value


class Reported(Frozen):
    """Output of a program, which may quote data and logs: characters that cannot be stored are replaced."""

    @model_validator(mode="before")
    @classmethod
    def _cleaned(cls, value: Any) -> Any:
        return value if storable(value) else cleaned(value)
