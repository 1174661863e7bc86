"""Names of new accounts: of letters that look like no others."""

import re
import unicodedata

from django.core.exceptions import ValidationError

NAME = re.compile(r"[A-Za-z0-9.@+_-]+")
RULE = "A name has the letters a to z, digits and . @ + - _ alone, so that no two look alike."


def new_name(name: str) -> str:
    """``name`` as it is stored. Raises ValidationError for one with other letters; accounts of long ago keep theirs."""
    name = unicodedata.normalize("NFKC", name)
    if not NAME.fullmatch(name):
        raise ValidationError(RULE)
    return name


def in_plain_letters(name: str) -> str:
    """What is left of ``name`` without accents and letters of other scripts."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    return re.sub(r"[^A-Za-z0-9.@+_-]", "", plain)
