"""Imported files, CSV, JSON lines, Parquet or a zip of images, read row by row; errors name row and column."""

import csv
import json
from collections.abc import Collection, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO

from training.engine.data import csv_dialect
from training.engine.data.decoding import unicode
from training.engine.data.image_folder import ImageFolder, ImageZip
from training.engine.data.parquet_files import ParquetTable
from training.engine.data.reader import LONGEST_LINE, Reader, Row
from training.engine.data.values import flat, joined
from training.engine.errors import CorruptData

LARGEST_BYTES = 2**30
"""Largest size of a file: 1 GB."""

COMPRESSED = {
    b"\x1f\x8b": "gzip",
    b"PK\x03\x04": "zip",
    b"(\xb5/\xfd": "zstd",
    b"BZh": "bzip2",
    b"\xfd7zXZ": "xz",
    b"Rar!": "rar",
    b"7z\xbc\xaf": "7-zip",
}
IMAGES = "zip of images"
KINDS = {
    ".csv": "CSV",
    ".tsv": "CSV",
    ".jsonl": "JSON lines",
    ".ndjson": "JSON lines",
    ".parquet": "Parquet",
    ".zip": IMAGES,
}
BOM = b"\xef\xbb\xbf"


def open_file(path: Path) -> Reader:
    """Return the reader for ``path``, a file by its suffix or a folder of images.

    Raises CorruptData for a large, compressed or mislabelled file.
    """
    if path.is_dir():
        return ImageFolder(path)
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
    if kind == IMAGES:
        return ImageZip(path)
    if packed := [name for magic, name in COMPRESSED.items() if head.startswith(magic)]:
        raise CorruptData(f"The file is compressed ({packed[0]}). Unpack it first: compressed files are not read.")
    if kind == "Parquet":
        return ParquetTable(path)
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
