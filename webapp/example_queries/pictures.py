"""Thumbnails of the examples of a data set of images, read from its file one at a time."""

from functools import lru_cache
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

THUMBNAIL, IMAGE = "thumbnail", "image"
TYPES = {b"\x89PNG": "image/png", b"\xff\xd8\xff": "image/jpeg"}
"""Kinds of files that thumbnails are, by their first bytes. Nothing else is ever served."""


def has_pictures(dataset: Path) -> bool:
    """Return whether the examples of the data set's file have thumbnails. Raises FileNotFoundError."""
    return THUMBNAIL in _columns(dataset, dataset.stat().st_mtime_ns)


@lru_cache(maxsize=256)
def _columns(dataset: Path, changed: int) -> tuple[str, ...]:
    with pq.ParquetFile(dataset) as file:
        return tuple(file.schema_arrow.names)


def picture(dataset: Path, example: int) -> bytes:
    """Return the thumbnail of an example, or its image where that is small enough. Raises LookupError where there is none."""
    if not has_pictures(dataset):
        raise LookupError(example)
    with pq.ParquetFile(dataset) as file:
        for group in range(file.num_row_groups):
            statistics = file.metadata.row_group(group).column(file.schema_arrow.names.index("id")).statistics
            if statistics is not None and statistics.has_min_max and not statistics.min <= example <= statistics.max:
                continue
            rows = np.flatnonzero(file.read_row_group(group, columns=["id"])["id"].to_numpy() == example)
            if len(rows):
                return _content(file, group, int(rows[0]))
    raise LookupError(example)


def _content(file: pq.ParquetFile, group: int, row: int) -> bytes:
    for column in (THUMBNAIL, IMAGE):
        if column in file.schema_arrow.names:
            content = file.read_row_group(group, columns=[column])[column][row].as_py()
            if isinstance(content, bytes) and type_of(content):
                return content
    raise LookupError(row)


def type_of(content: bytes) -> str:
    """Return the media type of a thumbnail; empty for anything else."""
    return next((kind for magic, kind in TYPES.items() if content.startswith(magic)), "")
