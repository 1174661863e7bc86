"""Names that people give to experiments, projects and views: each shows something, and none changes the text beside it."""

from unicodedata import category

DIRECTIONS = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
"""Characters that change the direction of the text after them, also after the name. Letters of both directions need none."""


def is_readable(name: str) -> bool:
    """Return whether the name has a letter, digit, sign or symbol, and not only spaces and characters without a picture."""
    return any(category(character)[0] in "LNPS" for character in name)


def readable(typed: str) -> str:
    """Return the name on one line, without control characters and DIRECTIONS; empty if nothing readable is left."""
    shown = (character for character in typed if character.isspace() or category(character) not in ("Cc", "Cs"))
    name = " ".join("".join(character for character in shown if character not in DIRECTIONS).split())
    return name if is_readable(name) else ""
