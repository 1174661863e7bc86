"""Rows as CSV in which a spreadsheet finds no formula."""

import csv
import io
from collections.abc import Iterable, Mapping
from typing import Any

from webapp.example_queries.export import neutral


def as_csv(rows: Iterable[Mapping[str, Any]]) -> str:
    """Return the names of the first row, then the values of all rows."""
    file, rows = io.StringIO(), list(rows)
    writer = csv.writer(file)
    if rows:
        writer.writerow(rows[0])
    for row in rows:
        writer.writerow([neutral(value) if isinstance(value, str) else value for value in row.values()])
    return file.getvalue()
