"""Names of new accounts, without characters that look like others."""

import re
import unicodedata

from django.core.exceptions import ValidationError

NAME = re.compile(r"[A-Za-z0-9.@+_-]+")
RULE = "A name can have letters from a to z, digits and . @ + - _ only, so that no two names look alike."


def new_name(name: str) -> str:
    """Return the stored form of ``name``. Raise ValidationError for other characters; old accounts keep their names."""
    name = unicodedata.normalize("NFKC", name)
    if not NAME.fullmatch(name):
        raise ValidationError(RULE)
    return name


def plain_ascii(name: str) -> str:
    """Return ``name`` without accents and without letters of other scripts."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    return re.sub(r"[^A-Za-z0-9.@+_-]", "", plain)
