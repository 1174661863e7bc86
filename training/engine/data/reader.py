"""The base of all readers of imported files: columns, rows and progress."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from training.engine.data.decoding import not_utf8
from training.engine.errors import CorruptData

LONGEST_LINE = 2**24
"""Largest size of a line, and of a text of a Parquet file, in bytes."""

Row = dict[str, str]
"""A row by column; an empty string where there is no value."""


@dataclass(frozen=True)
class Picture:
    """A row with an image: its name, the bytes of its file, and the values of other columns."""

    name: str
    content: bytes
    row: Row


class Reader:
    """An open file: its ``columns`` and rows. ``done`` of ``total`` are bytes, or rows of a Parquet file."""

    columns: tuple[str, ...]
    types: dict[str, str]
    """Types of columns that the file declares; a column without a declared type is missing."""
    images: tuple[str, ...] = ()
    """Columns with images, which ``pictures`` reads and ``rows`` leaves out unless they are named."""
    names: dict[str, tuple[str, ...]]
    """Names of the classes 0, 1, … of label columns, where the file declares them."""
    total: int
    done = 0

    def __init__(self, path: Path) -> None:
        self.path, self.types, self.names, self.total = path, {}, {}, path.stat().st_size

    def rows(self, columns: Sequence[str] = (), lists: Collection[str] = ()) -> Iterator[Row]:
        """Yield every row with at least these columns; without names, with all columns, lists and objects as JSON.

        Columns in ``lists`` may have lists of plain values, which ``values.joined`` writes as one text. Raises CorruptData, which
        names row and column.
        """
        raise NotImplementedError

    def pictures(self, column: str, columns: Sequence[str]) -> Iterator[Picture]:
        """Yield every row with its image in ``column`` and the values of ``columns``. Raises CorruptData, which names the row."""
        raise CorruptData("Only a Parquet file or a zip has images: this file is of another kind.")

    def check_names(self, names: Sequence[str]) -> tuple[str, ...]:
        for index, name in enumerate(names, 1):
            if not name.strip():
                raise CorruptData(f"Column {index} has no name.")
            if wrong := not_utf8(name):
                raise CorruptData(f"The name of column {index} is not UTF-8 ({wrong}). Save the file as UTF-8.")
        if twice := [name for name in names if names.count(name) > 1]:
            raise CorruptData(f"Two columns are called “{twice[0]}”.")
        return tuple(names)
