"""Tables in Parquet files, read row by row in batches, within bounds on what they unpack to."""

import json
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from training.engine.data.image_decoding import begins_like_an_image
from training.engine.data.reader import LONGEST_LINE, Picture, Reader, Row
from training.engine.data.values import flat, joined
from training.engine.errors import CorruptData

LARGEST_UNPACKED = 2**33
"""Largest unpacked size of a file's columns, as declared in it."""
LARGEST_CHUNK = 2**31
"""Largest unpacked size of one column in one row group."""
BATCH = 1000
PICTURES = 16
"""Images that are in memory at once."""


class ParquetTable(Reader):
    """A Parquet file. Images are in columns of bytes, or of bytes with a path as ``datasets`` writes them."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        try:
            schema = pq.read_schema(path)
            # Texts stay dictionary-encoded: a few kilobytes may refer to a text of many megabytes a thousand times.
            self._file = pq.ParquetFile(path, read_dictionary=[field.name for field in schema if _is_text(field.type)])
        except (pa.ArrowException, OSError) as error:
            raise CorruptData(f"The file is no Parquet file, or is cut short: {_first_line(error)}") from None
        self.columns = self.check_names(schema.names)
        self.images = tuple(field.name for field in schema if _has_bytes(field.type) or self._holds_images(field))
        self.types = {field.name: "image" if field.name in self.images else str(field.type) for field in schema}
        self.total = self._file.metadata.num_rows
        self.names = _class_names(schema.metadata or {})
        self._check_unpacked_size()

    def _holds_images(self, field: pa.Field) -> bool:
        """Return whether a column of bytes begins with an image."""
        if not _is_binary(field.type):
            return False
        first = next(self._file.iter_batches(1, columns=[field.name]), None)
        value = first.column(0)[0].as_py() if first is not None and len(first) else None
        return isinstance(value, bytes) and begins_like_an_image(value)

    def _check_unpacked_size(self) -> None:
        metadata, total = self._file.metadata, 0
        for group in range(metadata.num_row_groups):
            for column in range(metadata.num_columns):
                chunk = metadata.row_group(group).column(column)
                total += chunk.total_uncompressed_size
                if chunk.total_uncompressed_size > LARGEST_CHUNK:
                    name = chunk.path_in_schema
                    raise CorruptData(
                        f"Column “{name}” unpacks to {chunk.total_uncompressed_size / 2**30:.0f} GB in one row group."
                    )
        if total > LARGEST_UNPACKED:
            raise CorruptData(f"The file unpacks to {total / 2**30:.0f} GB, and at most 8 GB can be read.")

    def rows(self, columns: Sequence[str] = (), lists: Collection[str] = ()) -> Iterator[Row]:
        self.done, unpacked = 0, 0
        try:
            named = list(columns) or [name for name in self.columns if name not in self.images]
            for batch in self._file.iter_batches(BATCH, columns=named):
                names = batch.schema.names
                values = [_listed(column, self.done, name) for name, column in zip(names, batch.columns, strict=True)]
                for row in zip(*values, strict=True):
                    self.done += 1
                    unpacked += sum(len(value) for value in row if isinstance(value, str))
                    if unpacked > LARGEST_UNPACKED:
                        raise CorruptData(f"Up to row {self.done:,} the file unpacks to more than 8 GB of text.")
                    cells = [(name, joined(value) if name in lists else value) for name, value in zip(names, row, strict=True)]
                    yield {name: flat(value, self.done, name, bool(columns)) for name, value in cells}
        except (pa.ArrowException, OSError) as error:
            raise CorruptData(f"After row {self.done:,} the file cannot be read: {_first_line(error)}") from None

    def pictures(self, column: str, columns: Sequence[str]) -> Iterator[Picture]:
        self.done, unpacked = 0, 0
        if column not in self.images:
            raise CorruptData(f"The column “{column}” has no images, but {self.types[column]}.")
        rows, file = self.rows(columns) if columns else None, pq.ParquetFile(self.path)
        try:
            for batch in file.iter_batches(PICTURES, columns=[column]):
                for value in batch.column(0).to_pylist():
                    row = next(rows) if rows else {}
                    self.done = self.done if rows else self.done + 1
                    content, path = (value.get("bytes"), value.get("path")) if isinstance(value, dict) else (value, None)
                    name = str(path or f"row {self.done:,}")
                    if not content:
                        where = f"only the path “{path}”" if path else "none"
                        raise CorruptData(
                            f"Row {self.done:,}, column “{column}”: there should be an image, and there is {where}."
                        )
                    unpacked += len(content)
                    if unpacked > LARGEST_UNPACKED:
                        raise CorruptData(f"Up to row {self.done:,} the file unpacks to more than 8 GB of images.")
                    yield Picture(name, content, row)
        except (pa.ArrowException, OSError) as error:
            raise CorruptData(f"After row {self.done:,} the file cannot be read: {_first_line(error)}") from None


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_binary(kind))


def _is_binary(kind: pa.DataType) -> bool:
    return bool(pa.types.is_binary(kind) or pa.types.is_large_binary(kind))


def _has_bytes(kind: pa.DataType) -> bool:
    """Return whether a column has images as ``datasets`` writes them: bytes beside a path."""
    return bool(pa.types.is_struct(kind)) and {"bytes", "path"} == {kind.field(place).name for place in range(kind.num_fields)}


def _class_names(metadata: Mapping[bytes, bytes]) -> dict[str, tuple[str, ...]]:
    """Return the names of the classes 0, 1, … of each label column that ``datasets`` described in the file's metadata."""
    try:
        features = json.loads(metadata.get(b"huggingface", b"{}"))["info"]["features"]
        named = {column: feature["names"] for column, feature in features.items() if feature.get("_type") == "ClassLabel"}
        return {column: tuple(map(str, names)) for column, names in named.items() if isinstance(names, list)}
    except (ValueError, KeyError, TypeError, AttributeError):
        return {}


def _listed(column: Any, before: int, name: str) -> list[Any]:
    """Return the values of a column, after ``before`` rows. Equal texts of a dictionary are one object."""
    if not isinstance(column, pa.DictionaryArray):
        return _decoded(column, lambda place: before + place + 1, name)
    used, places = np.unique(column.indices.fill_null(-1).to_numpy(), return_inverse=True)
    texts = column.dictionary.take(pa.array(used, mask=used < 0))
    first = np.unique(places, return_index=True)[1]
    long = [place for place, size in enumerate(pc.binary_length(texts).to_pylist()) if size is not None and size > LONGEST_LINE]
    if long:
        raise CorruptData(f"Row {before + first[long].min() + 1:,}, column “{name}”: a text of more than 16 MB.")
    values = _decoded(texts, lambda place: before + int(first[place]) + 1, name)
    return [values[place] for place in places]


def _decoded(texts: Any, row_of: Callable[[int], int], name: str) -> list[Any]:
    try:
        values: list[Any] = texts.to_pylist()
    except UnicodeDecodeError:
        for place in range(len(texts)):
            try:
                texts[place].as_py()
            except UnicodeDecodeError:
                raise CorruptData(f"Row {row_of(place):,}, column “{name}”: not UTF-8.") from None
        raise
    return values


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0]
