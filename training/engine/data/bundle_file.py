"""The file of a feature bundle: a Parquet file of rows as of texts, and a column of bytes for each array of features."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from training.engine.errors import CorruptData
from training.storage.probabilities import label_type

ROW_GROUP = 4_096
METADATA = b"arrays"
PREFIX = "features_"
"""Begins the names of the columns of arrays, so that they are none of the others."""

Block = npt.NDArray[np.floating]


class StoredArray(NamedTuple):
    """An array as the file has it: each row is ``width`` numbers of ``type``, little-endian."""

    name: str
    width: int
    type: str

    @property
    def row_bytes(self) -> int:
        return self.width * np.dtype(self.type).itemsize


class BundleFile:
    """A bundle that is open for reading. Raises CorruptData for a file that is none."""

    def __init__(self, path: Path) -> None:
        self.file = pq.ParquetFile(path)
        stored = arrays_of(self.file.schema_arrow)
        if not stored:
            raise CorruptData(f"{path.name} has texts and no features.")
        self.arrays = {array.name: array for array in stored}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.file.close()

    def array(self, name: str) -> StoredArray:
        if name not in self.arrays:
            raise CorruptData(f"The data set has no array “{name}”. There are: {', '.join(self.arrays)}.")
        return self.arrays[name]

    def blocks(self, array: StoredArray) -> Iterator[Block]:
        """Yield the rows (n, width) of an array in order, some at a time."""
        column = PREFIX + array.name
        for group in range(self.file.num_row_groups):
            for chunk in self.file.read_row_group(group, columns=[column])[column].chunks:
                start, size = chunk.offset * array.row_bytes, len(chunk) * array.row_bytes
                data = memoryview(chunk.buffers()[1])[start : start + size]
                yield np.frombuffer(data, np.dtype(array.type)).reshape(-1, array.width)


def arrays_of(schema: pa.Schema) -> list[StoredArray]:
    """Return the arrays of the file with this schema, none for a file of texts."""
    stored = (schema.metadata or {}).get(METADATA)
    return [StoredArray(**array) for array in json.loads(stored)] if stored else []


class Rows(NamedTuple):
    """The rows of a bundle beside their features, in the same order; ``part`` is None where the laboratory draws the split."""

    id: npt.NDArray[np.int64]
    text: Sequence[str]
    label: npt.NDArray[np.integer]
    group: npt.NDArray[np.int64]
    part: Sequence[str] | None


def write_bundle(path: Path, rows: Rows, arrays: Sequence[tuple[str, Block]], keep: npt.NDArray[np.int64]) -> None:
    """Write the ``rows``, which are those of the positions ``keep`` in each of the ``arrays``. Equal bundles are equal files."""
    stored = [StoredArray(name, array.shape[1], array.dtype.name) for name, array in arrays]
    kind = pa.from_numpy_dtype(label_type(int(rows.label.max()) + 1))
    fields = [("id", pa.int64()), ("text", pa.string()), ("label", kind), ("group", pa.int64())]
    fields += [("part", pa.string())] if rows.part is not None else []
    fields += [(PREFIX + array.name, pa.binary(array.row_bytes)) for array in stored]
    schema = pa.schema(fields, {METADATA: json.dumps([array._asdict() for array in stored])})
    # Features hardly repeat and hardly compress.
    names = [name for name, _ in fields if not name.startswith(PREFIX)]
    compression = {name: "zstd" if name in names else "none" for name, _ in fields}
    with pq.ParquetWriter(path, schema, compression=compression, use_dictionary=["part"]) as writer:
        for start in range(0, len(keep), ROW_GROUP):
            end = start + ROW_GROUP
            columns: list[Any] = [rows.id[start:end], rows.text[start:end], rows.label[start:end], rows.group[start:end]]
            columns += [rows.part[start:end]] if rows.part is not None else []
            made = [pa.array(values, field.type) for values, field in zip(columns, schema, strict=False)]
            made += [_bytes(array[keep[start:end]]) for _, array in arrays]
            writer.write_table(pa.table(made, schema=schema), row_group_size=ROW_GROUP)


def _bytes(block: Block) -> pa.Array:
    """Return the rows of a block as values of a column."""
    plain = np.ascontiguousarray(block)
    return pa.FixedSizeBinaryArray.from_buffers(pa.binary(plain.strides[0]), len(plain), [None, pa.py_buffer(plain)])
