"""Arrays in an uploaded file of features, NumPy's .npz or Parquet, read some rows at a time and never as pickles."""

import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from math import prod
from pathlib import Path
from typing import IO, Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from training.catalog.column_mapping import as_text
from training.engine.data.files import open_file
from training.engine.errors import CorruptData

LARGEST_ARRAY, LARGEST_COLUMN = 2**32, 2**28
"""Largest unpacked bytes of an array of features, and of an array with one value a row."""
LARGEST_TRANSPOSED = 2**30
"""Largest bytes of an array that is stored column by column, which is read as a whole."""
MOST_MEMBERS = 100
BLOCK_BYTES = 2**24

Block = npt.NDArray[Any]


class Array(NamedTuple):
    """An array of a file: ``shape`` (n,), or (n, width) of features; ``kind`` is NumPy's: f, i, u, b, or U for texts."""

    name: str
    shape: tuple[int, ...]
    kind: str
    type: str

    @property
    def features(self) -> bool:
        return len(self.shape) == 2 and self.kind in "fiu"


class FeatureSource:
    """An open file: its ``arrays`` by name."""

    arrays: dict[str, Array]

    def array(self, name: str) -> Array:
        """Return the array called ``name``. Raises CorruptData, which names those of the file."""
        if name not in self.arrays:
            raise CorruptData(f"There is no array “{name}”. There are: {', '.join(self.arrays)}.")
        return self.arrays[name]

    def blocks(self, name: str) -> Iterator[Block]:
        """Yield the rows (n, width) of an array of features in order, some at a time. Raises CorruptData."""
        raise NotImplementedError

    def column(self, name: str) -> list[str]:
        """Return an array with one value a row as texts, empty where there is none. Raises CorruptData."""
        raise NotImplementedError


def has_features(path: Path) -> bool:
    """Return whether the file is a feature bundle: .npz, or Parquet with a column of lists of numbers."""
    if path.suffix.lower() == ".npz":
        return True
    if path.suffix.lower() != ".parquet":
        return False
    try:
        with pq.ParquetFile(path) as file:
            return any(_is_vector(field.type) for field in file.schema_arrow)
    except (pa.ArrowException, OSError):
        return False  # its reader says what is wrong


def open_source(path: Path) -> FeatureSource:
    """Return the reader of ``path`` by its suffix. Raises CorruptData for a file that cannot be read safely."""
    return NpzSource(path) if path.suffix.lower() == ".npz" else ParquetSource(path)


class NpzSource(FeatureSource):
    """A zip file of .npy files. Sizes are those that headers declare, and no more is unpacked."""

    def __init__(self, path: Path) -> None:
        self.path, self.arrays = path, {}
        with _readable(path), zipfile.ZipFile(path) as archive:
            members = archive.infolist()
            if len(members) > MOST_MEMBERS:
                raise CorruptData(f"The file has {len(members)} arrays, and at most {MOST_MEMBERS} are read.")
            for member in members:
                if not member.filename.endswith(".npy") or member.flag_bits & 1:
                    raise CorruptData(f"“{member.filename[:60]}” in the file is no array of NumPy.")
                name = member.filename.removesuffix(".npy")
                if name in self.arrays:
                    raise CorruptData(f"Two arrays are called “{name[:60]}”.")
                with archive.open(member) as file:
                    self.arrays[name] = _declared(name, file, member.file_size)

    def blocks(self, name: str) -> Iterator[Block]:
        array = self.array(name)
        rows, width = array.shape
        with _readable(self.path), zipfile.ZipFile(self.path) as archive, archive.open(f"{name}.npy") as file:
            shape, transposed, kind = _header(name, file)
            if transposed and rows > 1 and width > 1:
                if prod(shape) * kind.itemsize > LARGEST_TRANSPOSED:
                    raise CorruptData(f"The array “{name}” is stored column by column: save np.ascontiguousarray of it.")
                whole = np.frombuffer(_exactly(name, file, prod(shape) * kind.itemsize), kind).reshape(width, rows).T
                yield from np.array_split(whole, range(4_096, rows, 4_096))
                return
            step = max(1, BLOCK_BYTES // max(1, width * kind.itemsize))
            for start in range(0, rows, step):
                size = min(step, rows - start)
                yield np.frombuffer(_exactly(name, file, size * width * kind.itemsize), kind).reshape(size, width)

    def column(self, name: str) -> list[str]:
        array = self.array(name)
        if len(array.shape) != 1:
            raise CorruptData(f"The array “{name}” is {_dimensions(array.shape)}, and must have one value a row.")
        with _readable(self.path), zipfile.ZipFile(self.path) as archive, archive.open(f"{name}.npy") as file:
            _, _, kind = _header(name, file)
            values = np.frombuffer(_exactly(name, file, array.shape[0] * kind.itemsize), kind).tolist()
        try:
            return [value.decode() if isinstance(value, bytes) else as_text(value) for value in values]
        except UnicodeDecodeError:
            raise CorruptData(f"The array “{name}” has texts that are not UTF-8.") from None


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    """Turn the errors of zip files and of NumPy's headers into CorruptData."""
    try:
        yield
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, UnicodeError) as error:
        raise CorruptData(f"The file is damaged, or no .npz file of NumPy: {error}.") from None
    except OSError as error:
        raise CorruptData(f"The file {path.name} cannot be read: {error.strerror or error}.") from None


def _header(name: str, file: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    """Return shape, order and type from the header of an array. Raises CorruptData, also for Python objects."""
    try:
        version = np.lib.format.read_magic(file)
        read = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}[version]
        shape, transposed, kind = read(file)
    except (ValueError, KeyError) as error:
        raise CorruptData(f"The array “{name[:60]}” has no header that can be read: {str(error).partition(chr(10))[0]}") from None
    if kind.hasobject:
        raise CorruptData(
            f"The array “{name[:60]}” holds Python objects, which are pickles and never read: save it as numbers or as texts, "
            "such as with np.array(values, dtype=str)."
        )
    return shape, transposed, kind


def _declared(name: str, file: IO[bytes], size: int) -> Array:
    """Return the array that a header declares. Raises CorruptData where its size is too large or not that of the file."""
    shape, _, kind = _header(name, file)
    content, most = prod(shape) * kind.itemsize, LARGEST_COLUMN if len(shape) < 2 else LARGEST_ARRAY
    if content > most:
        raise CorruptData(
            f"The array “{name[:60]}” unpacks to {content / 2**30:,.1f} GB, and at most {most / 2**30:g} GB is read."
        )
    if size - file.tell() != content:
        raise CorruptData(f"The array “{name[:60]}” has {size - file.tell():,} bytes, and its header declares {content:,}.")
    return Array(name, shape, "U" if kind.kind == "S" else kind.kind, kind.name)


def _exactly(name: str, file: IO[bytes], size: int) -> bytes:
    data = file.read(size)
    if len(data) < size:
        raise CorruptData(f"The array “{name[:60]}” ends before its last row.")
    return data


def _dimensions(shape: tuple[int, ...]) -> str:
    return " x ".join(f"{size:,}" for size in shape) or "a single value"


class ParquetSource(FeatureSource):
    """A Parquet file: columns of lists of numbers are features, the others have one value a row."""

    def __init__(self, path: Path) -> None:
        open_file(path)  # refuses what unpacks to too much
        self.path, self.arrays = path, {}
        with pq.ParquetFile(path) as file:
            rows = file.metadata.num_rows
            for field in file.schema_arrow:
                vector = _is_vector(field.type)
                shape = (rows, _width(file, field)) if vector else (rows,)
                type_ = field.type.value_type if vector else field.type
                self.arrays[field.name] = Array(field.name, shape, _kind(type_), str(type_))
                if prod(shape) * 8 > 2 * LARGEST_ARRAY:
                    raise CorruptData(f"The column “{field.name}” has {_dimensions(shape)} numbers: too many to read.")

    def blocks(self, name: str) -> Iterator[Block]:
        array, done = self.array(name), 0
        width = array.shape[1]
        with pq.ParquetFile(self.path) as file, _arrow_errors():
            for batch in file.iter_batches(max(1, min(4_096, BLOCK_BYTES // (8 * max(1, width)))), columns=[name]):
                column = batch.column(0)
                if column.null_count:
                    raise CorruptData(f"Row {done + _first_null(column) + 1:,}, column “{name}”: the features are missing.")
                values = column.flatten()
                if values.null_count:
                    raise CorruptData(
                        f"Row {done + _first_null(values) // max(1, width) + 1:,}, column “{name}”: a number is missing."
                    )
                if len(values) != len(column) * width:
                    raise CorruptData(f"The rows of column “{name}” after row {done:,} do not all have {width:,} numbers.")
                yield values.to_numpy(zero_copy_only=False).reshape(len(column), width)
                done += len(column)

    def column(self, name: str) -> list[str]:
        if self.array(name).features:
            raise CorruptData(f"The column “{name}” has lists, and must have one value a row.")
        with pq.ParquetFile(self.path) as file, _arrow_errors():
            values = file.read(columns=[name])[name].to_pylist()
        return [as_text(value) for value in values]


@contextmanager
def _arrow_errors() -> Iterator[None]:
    try:
        yield
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise CorruptData(f"The file cannot be read: {str(error).partition(chr(10))[0]}.") from None


def _is_vector(kind: pa.DataType) -> bool:
    lists = pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind)
    return bool(lists and (pa.types.is_floating(kind.value_type) or pa.types.is_integer(kind.value_type)))


def _width(file: pq.ParquetFile, field: pa.Field) -> int:
    """Return the numbers in a row of a column of lists: the declared ones, or those of the first row."""
    if pa.types.is_fixed_size_list(field.type):
        return int(field.type.list_size)
    with _arrow_errors():
        first = next(file.iter_batches(1, columns=[field.name]), None)
    value = first.column(0)[0].as_py() if first is not None and len(first) else None
    return len(value or ())


def _kind(type_: pa.DataType) -> str:
    if pa.types.is_floating(type_):
        return "f"
    return "i" if pa.types.is_integer(type_) else "U"


def _first_null(column: pa.Array) -> int:
    return int(np.flatnonzero(column.is_null().to_numpy(zero_copy_only=False))[0])
