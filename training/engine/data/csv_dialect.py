"""The dialect of a CSV file: its delimiter and header, and the sentences of its errors."""

import csv
import re
from collections.abc import Callable, Iterator

from training.engine.errors import CorruptData

DELIMITERS = "\t,;|"
"""Possible delimiters; the first of equally good ones is chosen, since texts rarely contain tabs."""
SAYS_DELIMITER = re.compile(r"\"?sep=([,;\t|])\"?\s*", re.IGNORECASE)
TRIED = 20
"""Rows by which the delimiter is determined."""

Rows = Iterator[list[str]]


def declared_delimiter(line: str) -> str:
    """Return the delimiter declared by a first line such as sep=;, or an empty string."""
    match = SAYS_DELIMITER.fullmatch(line)
    return match[1] if match else ""


def best(reader: Callable[[str], Rows]) -> str:
    """Return the delimiter that gives the first rows equally many columns, and the most. ``reader`` reads from the start."""

    def score(delimiter: str) -> tuple[float, int]:
        try:
            rows = first_rows(reader(delimiter))
        except CorruptData:
            return 0.0, 0
        wide = len(rows[0])
        return (sum(fits(row, wide) for row in rows) / len(rows), wide) if wide > 1 else (0.0, 0)

    best_score, best_delimiter = max(((score(delimiter), delimiter) for delimiter in DELIMITERS), key=lambda pair: pair[0])
    return best_delimiter if best_score > (0.0, 0) else ","


def first_rows(reader: Rows) -> list[list[str]]:
    """Return the header and a few rows, up to an error. Raises CorruptData where the header has the error, or is missing."""
    rows: list[list[str]] = []
    try:
        for row in reader:
            rows += [row] if row else []
            if len(rows) > TRIED:
                break
    except csv.Error as error:
        if not rows:
            raise refusal(error, "The header") from None
    if not rows:
        raise CorruptData("The file has no header that names its columns.")
    return rows


def names(rows: list[list[str]]) -> list[str]:
    """Return the names of the columns: an unnamed one gets its number; unnamed ones at the end without values are dropped."""
    header, *rest = rows
    while header and not header[-1].strip() and not any(row[len(header) - 1 : len(header)] > [""] for row in rest):
        header = header[:-1]
    return [name if name.strip() else f"column {place}" for place, name in enumerate(header, 1)]


def fits(row: list[str], wide: int) -> bool:
    """Return whether a row has that many values, apart from empty ones after delimiters at its end."""
    return len(row) >= wide and not any(row[wide:])


def values(number: int) -> str:
    return f"{number} value{'' if number == 1 else 's'}"


def refusal(error: csv.Error, where: str) -> CorruptData:
    cause = str(error)
    if "field larger" in cause or "end of data" in cause:
        cause = "a quotation mark is opened and not closed"
    elif "expected after" in cause:
        cause = "after a quotation mark that closes a value there is more text; write a mark inside of a value twice"
    elif "new-line character" in cause:
        cause = "a line ends in the middle (a carriage return alone); save the file with one kind of line ends"
    return CorruptData(f"{where}: {cause}.")
