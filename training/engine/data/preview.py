"""The preview of a file: its columns with their types and few values, and its first rows."""

from itertools import islice
from pathlib import Path

from training.command_output import Column, Preview
from training.engine.data.bundle_preview import preview_bundle
from training.engine.data.bundle_sources import has_features
from training.engine.data.files import open_file

PREVIEW_ROWS = 5_000
SHOWN = 8
FEW = 20
"""Largest number of different values of a column that are all shown: the column may be the label."""
LONGEST = 400


def preview(path: Path) -> Preview:
    """Return the preview of ``path``. Raises CorruptData where it cannot be read."""
    if has_features(path):
        return preview_bundle(path)
    reader = open_file(path)
    rows = list(islice(reader.rows(), PREVIEW_ROWS))
    columns = []
    for name in reader.columns:
        values = [row.get(name, "") for row in rows]
        different = sorted(set(values) - {""})
        length = sum(map(len, values)) / max(1, len(values))
        few = tuple(different) if len(different) <= FEW and all(len(value) <= 60 for value in different) else None
        kind = reader.types.get(name) or _type(different)
        columns.append(Column(name=name, type=kind, values=few, length=length, names=reader.names.get(name, ())))
    first = tuple(
        tuple("an image" if name in reader.images else row.get(name, "")[:LONGEST] for name in reader.columns)
        for row in rows[:SHOWN]
    )
    return Preview(columns=tuple(columns), rows=first, looked_at=len(rows))


def _type(values: list[str]) -> str:
    if not values:
        return "empty"
    if set(values) <= {"true", "false", "True", "False"}:
        return "true or false"
    for kind, name in ((int, "whole number"), (float, "number")):
        try:
            for value in values:
                kind(value)
        except ValueError:
            continue
        return name
    return "text"
