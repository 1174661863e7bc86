"""Arrays as columns of Parquet files, and reading of single rows."""

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
    with pq.ParquetFile(path) as file:
        positions = np.flatnonzero(file.read(columns=["id"])["id"].to_numpy() == example)
        if not len(positions):
            return None
        ends = np.cumsum([file.metadata.row_group(index).num_rows for index in range(file.num_row_groups)])
        index = int(np.searchsorted(ends, positions[0], side="right"))
        group = file.read_row_group(index)
        return group.slice(positions[0] - ends[index] + len(group), 1)
