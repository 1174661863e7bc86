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

    Only the ids are read, and the row groups that have one of them, each once.
    """
    with pq.ParquetFile(path) as file:
        ids = file.read(columns=["id"])["id"].to_numpy()
        where = {int(ids[position]): position for position in np.flatnonzero(np.isin(ids, list(examples)))}
        positions = np.array([where[example] for example in examples if example in where], np.int64)
        ends = np.cumsum([file.metadata.row_group(index).num_rows for index in range(file.num_row_groups)])
        of_group, begins = np.searchsorted(ends, positions, side="right"), np.concatenate([[0], ends])
        groups = {int(index): file.read_row_group(int(index)) for index in np.unique(of_group)}
        rows = [groups[index].slice(at - begins[index], 1) for index, at in zip(of_group.tolist(), positions, strict=True)]
        return pa.concat_tables(rows) if rows else file.schema_arrow.empty_table()
