"""Numbers from text: the only place where input from outside becomes a number."""

import math
import re

LARGEST = 2**63 - 1
"""The largest whole number of a database column."""

WHOLE = re.compile(r"-?[0-9]{1,19}")
DECIMAL = re.compile(r"[+-]?(?=\.?[0-9])[0-9]{0,40}\.?[0-9]{0,40}([eE][+-]?[0-9]{1,3})?")


def whole(text: object, low: int = 0, high: int = LARGEST) -> int | None:
    """Return the whole number from ``low`` to ``high`` in the digits 0 to 9, or None for any other text.

    Floats are no whole numbers here, since those of JSON are rounded beyond 2**53.
    """
    if isinstance(text, int) and not isinstance(text, bool):
        number = text
    elif isinstance(text, str) and WHOLE.fullmatch(text.strip()):
        number = int(text)
    else:
        return None
    return number if low <= number <= high else None


def decimal(text: str) -> float | None:
    """Return the finite number in the text, or None."""
    if not DECIMAL.fullmatch(text.strip()):
        return None
    number = float(text)
    return number if math.isfinite(number) else None
