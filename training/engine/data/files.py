"""Tables in imported files, CSV, JSON lines or Parquet, read row by row; errors name row and column."""

import csv
import json
from collections.abc import Callable, Collection, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from training.engine.data import csv_dialect
from training.engine.data.decoding import not_utf8, unicode
from training.engine.data.values import flat, joined
from training.engine.errors import CorruptData

LARGEST_BYTES = 2**30
"""Largest size of a file: 1 GB."""
LONGEST_LINE = 2**24
LARGEST_UNPACKED = 2**33
"""Largest unpacked size of a Parquet file's columns, as declared in it."""
LARGEST_CHUNK = 2**31
"""Largest unpacked size of one column in one row group."""
BATCH = 1000

COMPRESSED = {
    b"\x1f\x8b": "gzip",
    b"PK\x03\x04": "zip",
    b"(\xb5/\xfd": "zstd",
    b"BZh": "bzip2",
    b"\xfd7zXZ": "xz",
    b"Rar!": "rar",
    b"7z\xbc\xaf": "7-zip",
}
KINDS = {".csv": "CSV", ".tsv": "CSV", ".jsonl": "JSON lines", ".ndjson": "JSON lines", ".parquet": "Parquet"}
BOM = b"\xef\xbb\xbf"

Row = dict[str, str]
"""A row by column; an empty string where there is no value."""


class Reader:
    """An open file: its ``columns`` and rows. ``done`` of ``total`` are bytes, or rows of a Parquet file."""

    columns: tuple[str, ...]
    types: dict[str, str]
    """Types of columns that the file declares; a column without a declared type is missing."""
    total: int
    done = 0

    def __init__(self, path: Path) -> None:
        self.path, self.types, self.total = path, {}, path.stat().st_size

    def rows(self, columns: Sequence[str] = (), lists: Collection[str] = ()) -> Iterator[Row]:
        """Yield every row with at least these columns; without names, with all columns, lists and objects as JSON.

        Columns in ``lists`` may have lists of plain values, which ``values.joined`` writes as one text. Raises CorruptData, which
        names row and column.
        """
        raise NotImplementedError

    def check_names(self, names: Sequence[str]) -> tuple[str, ...]:
        for index, name in enumerate(names, 1):
            if not name.strip():
                raise CorruptData(f"Column {index} has no name.")
            if wrong := not_utf8(name):
                raise CorruptData(f"The name of column {index} is not UTF-8 ({wrong}). Save the file as UTF-8.")
        if twice := [name for name in names if names.count(name) > 1]:
            raise CorruptData(f"Two columns are called “{twice[0]}”.")
        return tuple(names)


def open_file(path: Path) -> Reader:
    """Return the reader for ``path`` by its suffix. Raises CorruptData for a large, compressed or mislabelled file."""
    kind = KINDS.get(path.suffix.lower())
    if kind is None:
        raise CorruptData(f"A file that ends in “{path.suffix}” cannot be read. There are: {', '.join([*KINDS, '.npz'])}.")
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            head = file.read(2**16)
    except OSError as error:
        raise CorruptData(f"The file {path} cannot be read: {error.strerror}.") from None
    if not size:
        raise CorruptData("The file is empty.")
    if size > LARGEST_BYTES:
        raise CorruptData(f"The file has {size / 2**30:.1f} GB, and at most 1 GB can be read.")
    if packed := [name for magic, name in COMPRESSED.items() if head.startswith(magic)]:
        raise CorruptData(f"The file is compressed ({packed[0]}). Unpack it first: compressed files are not read.")
    if kind == "Parquet":
        return _Parquet(path)
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise CorruptData("The file is UTF-16. Save it as UTF-8.")
    if b"\0" in head:
        raise CorruptData(f"The file is not text, so it is no {kind}.")
    return _Csv(path) if kind == "CSV" else _JsonLines(path)


class _Lines(Reader):
    """Base class of CSV and JSON lines: lines of UTF-8, decoded so that an invalid byte is reported with row and column."""

    def lines(self) -> Iterator[str]:
        """Yield lines with their ends, which may be \\n, \\r\\n, or \\r in a file without \\n."""
        self.done = 0
        with self.path.open("rb") as file:
            head = file.read(2**16)
            file.seek(len(BOM) if head.startswith(BOM) else 0)
            lines = _returns(file) if b"\r" in head[:-1] and b"\n" not in head else _newlines(file)
            for number, line in enumerate(lines, 1):
                if len(line) > LONGEST_LINE:
                    raise CorruptData(f"Line {number:,} is longer than 16 MB.")
                self.done += len(line)
                yield line.decode("utf-8", "surrogateescape")


def _newlines(file: BinaryIO) -> Iterator[bytes]:
    while line := file.readline(LONGEST_LINE + 1):
        yield line


def _returns(file: BinaryIO) -> Iterator[bytes]:
    """Yield lines that end with \\r, as old spreadsheets write them."""
    rest = b""
    while part := file.read(2**20):
        *lines, rest = (rest + part).split(b"\r")
        yield from (line + b"\n" for line in lines)
        if len(rest) > LONGEST_LINE:
            break
    if rest:
        yield rest


class _Csv(_Lines):
    """A CSV file whose first row names the columns.

    The delimiter is the one of tab , ; | with which the first rows have the most columns, equally many in each, or the one
    declared by a first line such as sep=;. A column without a name is named by its number. Columns without name and values at
    the end are dropped, and so are empty values after a delimiter at the end of a row.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        csv.field_size_limit(LONGEST_LINE)
        declared = csv_dialect.declared_delimiter(next(self.lines(), ""))
        self.skipped = 1 if declared else 0
        self.delimiter = declared or csv_dialect.best(self._reader)
        names = csv_dialect.names(csv_dialect.first_rows(self._reader(self.delimiter)))
        self.columns = self.check_names(names)

    def _reader(self, delimiter: str) -> "Iterator[list[str]]":
        return csv.reader(islice(self.lines(), self.skipped, None), delimiter=delimiter, strict=True)

    def rows(self, columns: Sequence[str] = (), lists: Collection[str] = ()) -> Iterator[Row]:
        reader, number, begun = self._reader(self.delimiter), 0, 1
        try:
            while not next(reader):
                continue
            begun = reader.line_num + 1 + self.skipped  # type: ignore[attr-defined]
            for values in reader:
                number += 1
                if len(values) != len(self.columns):
                    if not values:
                        number -= 1
                        continue
                    if not csv_dialect.fits(values, len(self.columns)):
                        line = reader.line_num + self.skipped  # type: ignore[attr-defined]
                        there = csv_dialect.values(len(values))
                        raise CorruptData(f"Row {number:,} (line {line:,}) has {there}, the header has {len(self.columns)}.")
                begun = reader.line_num + 1 + self.skipped  # type: ignore[attr-defined]
                cells = zip(self.columns, values, strict=False)
                yield {name: flat(unicode(value, number, name), number, name, False) for name, value in cells}
        except csv.Error as error:
            raise csv_dialect.refusal(error, f"Row {number + 1:,}, which begins at line {begun:,}") from None


class _JsonLines(_Lines):
    """JSON lines: one object in each line. The columns are those of the first hundred rows; a row may lack some."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        columns: dict[str, None] = {}
        for number, item in self._objects():
            columns |= dict.fromkeys(item)
            if number == 100:
                break
        self.columns = self.check_names(list(columns))

    def _objects(self) -> Iterator[tuple[int, dict[str, Any]]]:
        number = 0
        for line in self.lines():
            if not line.strip():
                continue
            number += 1
            try:
                item = json.loads(line)
            except (ValueError, RecursionError) as error:
                raise CorruptData(f"Row {number:,} is not JSON: {error}.") from None
            if not isinstance(item, dict):
                raise CorruptData(f"Row {number:,} is no JSON object, such as {{“text”: …, “label”: …}}.")
            yield number, item

    def rows(self, columns: Sequence[str] = (), lists: Collection[str] = ()) -> Iterator[Row]:
        for number, item in self._objects():
            if missing := [name for name in columns if name not in item]:
                raise CorruptData(f"Row {number:,} has no “{missing[0]}”.")
            names = columns or self.columns
            values = {name: joined(item.get(name)) if name in lists else item.get(name) for name in names}
            yield {name: unicode(flat(value, number, name, bool(columns)), number, name) for name, value in values.items()}


class _Parquet(Reader):
    def __init__(self, path: Path) -> None:
        super().__init__(path)
        try:
            schema = pq.read_schema(path)
            # Texts stay dictionary-encoded: a few kilobytes may refer to a text of many megabytes a thousand times.
            self._file = pq.ParquetFile(path, read_dictionary=[field.name for field in schema if _is_text(field.type)])
        except (pa.ArrowException, OSError) as error:
            raise CorruptData(f"The file is no Parquet file, or is cut short: {_first_line(error)}") from None
        self.columns = self.check_names(schema.names)
        self.types = {field.name: str(field.type) for field in schema}
        self.total = self._file.metadata.num_rows
        self._check_unpacked_size()

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
            for batch in self._file.iter_batches(BATCH, columns=list(columns or self.columns)):
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


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_binary(kind))


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
