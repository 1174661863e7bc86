"""Arrays as columns of Parquet files, and reading of single rows."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq


def column_of(array: npt.NDArray[Any]) -> pa.Array:
    """Return a column with a row for each entry of the first axis: numbers, or lists of the shape of the other axes."""
    column = pa.array(array.ravel())
    for size in array.shape[:0:-1]:
        column = pa.FixedSizeListArray.from_arrays(column, size)
    return column


def array_of(column: pa.Array) -> npt.NDArray[Any]:
    """Return the array of a column made by ``column_of``."""
    shape = [len(column)]
    while pa.types.is_fixed_size_list(column.type):
        shape.append(column.type.list_size)
        column = column.flatten()
    array: npt.NDArray[Any] = column.to_numpy().reshape(shape)
    return array


def table_of(data: bytes) -> pa.Table:
    """Return the table in a Parquet file's content."""
    # ParquetFile and not read_table, which imports pyarrow.dataset and with it pandas: 0.3 s.
    with pq.ParquetFile(pa.BufferReader(data)) as file:
        return file.read()


def row_of(path: Path, example: int) -> pa.Table | None:
    """Return the row with this id; only the ids and one row group are read."""
    rows = rows_of(path, [example])
    return rows if len(rows) else None


def rows_of(path: Path, examples: Sequence[int]) -> pa.Table:
    """Return the rows with these ids, in their order and without those that the file lacks.

    Only the ids are read of row groups that may have one of them, and then the row groups that do, each once. All by this
    thread: for a hundred row groups of a thousand classes that takes a third of the time of pyarrow's threads.
    """
    with pq.ParquetFile(path) as file:
        groups, rows = dict[int, pa.Table](), dict[int, pa.Table]()
        for index in _groups_with(file, examples):
            ids = file.read_row_group(index, columns=["id"], use_threads=False)["id"].to_numpy()
            for place in np.flatnonzero(np.isin(ids, list(examples))).tolist():
                if index not in groups:
                    groups[index] = file.read_row_group(index, use_threads=False)
                rows[int(ids[place])] = groups[index].slice(place, 1)
        matches = [rows[example] for example in examples if example in rows]
        return pa.concat_tables(matches) if matches else file.schema_arrow.empty_table()


def _groups_with(file: pq.ParquetFile, examples: Sequence[int]) -> list[int]:
    """Return the row groups that may have one of the ids: by the smallest and largest id of each, where the file has them."""
    column, groups = file.schema.names.index("id"), list[int]()
    for index in range(file.num_row_groups):
        bounds = file.metadata.row_group(index).column(column).statistics
        if bounds is None or not bounds.has_min_max or any(bounds.min <= example <= bounds.max for example in examples):
            groups.append(index)
    return groups
