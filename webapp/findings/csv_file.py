"""Rows as CSV in which a spreadsheet finds no formula."""

import csv
import io
import tempfile
from collections.abc import Iterable, Mapping
from typing import IO, Any

from webapp.example_queries.export import neutral


def as_csv(rows: Iterable[Mapping[str, Any]]) -> str:
    """Return the names of the first row, then the values of all rows."""
    file = io.StringIO()
    _write(file, rows)
    return file.getvalue()


def as_csv_file(rows: Iterable[Mapping[str, Any]]) -> IO[bytes]:
    """Return the same as an open temporary file, with one row in memory at a time."""
    file = tempfile.TemporaryFile()  # noqa: SIM115, closed by the response
    text = io.TextIOWrapper(file, encoding="utf-8", newline="")
    _write(text, rows)
    text.flush()
    text.detach()
    file.seek(0)
    return file


def _write(file: Any, rows: Iterable[Mapping[str, Any]]) -> None:
    writer, names = csv.writer(file), None
    for row in rows:
        if names is None:
            names = list(row)
            writer.writerow(names)
        writer.writerow([neutral(value) if isinstance(value, str) else value for value in row.values()])
