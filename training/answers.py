"""Written answers: extraction from what a model writes, normalisation, and comparison with the accepted answers.

One definition for training, measures, checks of data sets and pages.
"""

import re
import unicodedata
from collections.abc import Iterable
from functools import cache
from typing import Any, Literal

import re2
import regex
from pydantic import Field, ValidationInfo, field_validator

from training.base_models import Requested

Extract = Literal["line", "number", "letter", "pattern", "move"]

EXTRACTS: dict[Extract, str] = {
    "line": "First line",
    "number": "Last number",
    "letter": "Choice letter",
    "pattern": "Regular expression",
    "move": "Chess move",
}
"""Titles of the ways to find an answer in a text."""

LONGEST_PATTERN = 200
"""Largest number of characters of a regular expression."""

COLUMNS = ("id", "text", "answers", "group", "difficulty")
"""Columns of a generative data set with a fixed meaning; ``difficulty`` is optional, and any others are kept for display."""

RESERVED = (*COLUMNS, "text_b", "label")
"""Names that no other column of a data set may have."""


class AnswerRule(Requested):
    """The rule that finds the answer in a written text.

    It is applied to what a model writes and to the reference answers alike, and equal results are equal answers. Results are in
    Unicode form NFKC, with single spaces, and without case except for moves.
    """

    extract: Extract = Field(
        "line",
        title="Answer",
        description="First line: the first line that is not empty, whole. Last number: 1,234 and $1,234.00 are 1234. Choice "
        "letter: A to Z, as in “(B)” or “The answer is B.”. Regular expression: the first group of its first match, or the whole "
        "match. Chess move: the first move in algebraic notation.",
    )
    pattern: str | None = Field(
        None,
        min_length=1,
        max_length=LONGEST_PATTERN,
        validate_default=True,
        title="Regular expression",
        description="In the syntax of RE2, with at most one group; only for an answer by regular expression.",
    )

    @field_validator("pattern")
    @classmethod
    def fits(cls, pattern: str | None, info: ValidationInfo) -> str | None:
        extract = info.data.get("extract")
        if pattern is None:
            if extract == "pattern":
                raise ValueError("A regular expression is needed to find the answer.")
            return None
        if extract not in ("pattern", None):
            raise ValueError("A regular expression is only for an answer by regular expression.")
        try:
            groups = _compiled(pattern).groups
        except re2.error as error:
            raise ValueError(f"The regular expression cannot be read: {_reason(error)}.") from None
        if groups > 1:
            raise ValueError(f"The regular expression has {groups} groups, and at most one can be the answer.")
        return pattern

    @property
    def title(self) -> str:
        """The rule in words, such as Last number."""
        return EXTRACTS[self.extract] + (f" {self.pattern}" if self.pattern else "")

    def answer(self, text: str) -> str | None:
        """Return the normalised answer in ``text``; None where there is none."""
        return (_searched(self.pattern, text) if self.pattern else _FINDERS[self.extract](text)) or None

    def right(self, text: str, accepted: Iterable[str]) -> bool:
        """Return whether the answer in ``text`` is that of one of the ``accepted`` texts."""
        answer = self.answer(text)
        return answer is not None and any(answer == self.answer(reference) for reference in accepted)


MARKS = regex.compile(r"(\p{M}{30})\p{M}+")
"""More than thirty marks in a row, the limit of Unicode's stream-safe texts (UAX 15, section 13)."""


def nfkc(text: str) -> str:
    """Return ``text`` in Unicode form NFKC.

    Of more marks on a letter than any script needs the first ones stay, since all would take the square of their number.
    """
    return text if text.isascii() else unicodedata.normalize("NFKC", MARKS.sub(r"\1", text))


def normalised(text: str) -> str:
    """Return ``text`` in Unicode form NFKC, without case and with single spaces."""
    # Case folding may leave forms that NFKC composes.
    return " ".join(nfkc(nfkc(text).casefold()).split())


@cache
def _compiled(pattern: str) -> Any:
    options = re2.Options()
    options.log_errors = False
    return re2.compile(pattern, options)


def _reason(error: re2.error) -> str:
    """Return RE2's message, which it raises as bytes."""
    reason = error.args[0] if error.args else ""
    return reason.decode(errors="replace") if isinstance(reason, bytes) else str(reason)


def _searched(pattern: str, text: str) -> str:
    expression = _compiled(pattern)
    match = expression.search(text)
    return normalised((match[expression.groups] if match else "") or "")


def _line(text: str) -> str:
    return next(filter(None, map(normalised, text.splitlines())), "")


DIGITS = r"(?:\d{1,3}(?:,\d{3})+(?!\d)|\d+)"
NUMBER = re.compile(rf"((?<![\w)\]])[-−+])?[$€£]?((?<![\w)\]])[-−+])?(?:({DIGITS})(\.\d+)?|(?<![\d.])(\.\d+))")
"""A number with an optional sign, currency, thousands separators and decimals. A dash after a word or bracket is no sign."""


def _number(text: str) -> str:
    """Return the last number in plain decimal digits, without zeros that do not count."""
    numbers = list(NUMBER.finditer(text))
    if not numbers:
        return ""
    last = numbers[-1]
    whole, decimals = _ascii(last[3] or "0").replace(",", "").lstrip("0"), _ascii(last[4] or last[5] or "").rstrip("0")
    size = (whole or "0") + ("" if decimals in ("", ".") else decimals)
    negative = (last[1] in ("-", "−")) != (last[2] in ("-", "−"))
    return f"-{size}" if negative and size != "0" else size


def _ascii(digits: str) -> str:
    """Return ``digits`` of any script as 0 to 9; other characters stay."""
    return "".join(str(unicodedata.decimal(character, character)) for character in digits)


CHOICES = [
    re.compile(pattern)
    for pattern in (
        r"\A[\W_]*([A-Za-z])(?:[\W_]*\Z|[).:\]])",
        r"(?s:.*)\b(?i:answer|choice|option)(?i:\s+is)?[\W_]*\b([A-Z])\b",
        r"(?s:.*)\(([A-Za-z])\)",
        r"(?s:.*)\b([B-HJ-Z]|[AI](?!['’]|\s+[a-z]))\b",
        r"(?s:.*)\b([A-Z])\b",
    )
]
"""Places of a choice letter, the surest first: the whole text or its beginning with a mark, after “answer”, in brackets, a
capital on its own that is not the word A or I, and any capital on its own. Of several the last one counts.

They are matched from the beginning of a text: where each place were tried, a text without an answer would take the square of its
length.
"""


def _letter(text: str) -> str:
    text = nfkc(text).strip()
    return next((match[1].upper() for pattern in CHOICES if (match := pattern.match(text))), "")


MOVE = re.compile(
    r"(?<![A-Za-z0-9-])(?:([O0o]-[O0o]-[O0o])|([O0o]-[O0o])|([KQRBN]?)([a-h]?[1-8]?)[x:×]?([a-h][1-8])(?:[=/]?\(?([QRBNqrbn])\)?)?)"
    r"(?![A-Za-z0-9-])"
)
"""A move in algebraic notation; marks of check, mate, comments and captures are around or between its groups."""


def _move(text: str) -> str:
    """Return the first move: with letters O for castling and = for promotion, without marks of capture, check and mate."""
    move = MOVE.search(nfkc(text))
    if move is None:
        return ""
    if move[1] or move[2]:
        return "O-O-O" if move[1] else "O-O"
    return f"{move[3]}{move[4]}{move[5]}" + (f"={move[6].upper()}" if move[6] else "")


_FINDERS = {"line": _line, "number": _number, "letter": _letter, "move": _move}
