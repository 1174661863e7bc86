"""What a person or a program typed, as values: the one place where text that comes from outside becomes a number."""

import math
import re

LARGEST = 2**63 - 1
"""Of the whole numbers that a database keeps."""

WHOLE = re.compile(r"-?[0-9]{1,19}")
DECIMAL = re.compile(r"[+-]?(?=\.?[0-9])[0-9]{0,40}\.?[0-9]{0,40}([eE][+-]?[0-9]{1,3})?")


def whole(text: object, low: int = 0, high: int = LARGEST) -> int | None:
    """The whole number from ``low`` to ``high`` that the text is, written in the digits 0 to 9; None where it is none.

    A number is taken where it is exact: a float is none, since those of JSON are rounded beyond 2**53.
    """
    if isinstance(text, int) and not isinstance(text, bool):
        number = text
    elif isinstance(text, str) and WHOLE.fullmatch(text.strip()):
        number = int(text)
    else:
        return None
    return number if low <= number <= high else None


def decimal(text: str) -> float | None:
    """The finite number that the text is, None where it is none."""
    if not DECIMAL.fullmatch(text.strip()):
        return None
    number = float(text)
    return number if math.isfinite(number) else None
