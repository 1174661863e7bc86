"""Export of a view: CSV, JSON lines, Parquet, or a folder that ``datasets.load_dataset`` reads, written row by row."""

import csv
import io
import json
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Any, Literal

import pyarrow as pa
import pyarrow.parquet as pq

from webapp.example_queries.rows import Example
from webapp.example_queries.slices import Slice
from webapp.example_queries.view import SEATS

Format = Literal["csv", "jsonl", "parquet", "datasets"]
SUFFIXES: dict[Format, str] = {"csv": "csv", "jsonl": "jsonl", "parquet": "parquet", "datasets": "zip"}

CHUNK = 5_000
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "|", "%")
"""Characters that make a spreadsheet read a text as a formula, at its beginning or after a space."""

ANSWER = [("label", pa.int16()), ("confidence", pa.float32()), ("prob_of_gold", pa.float32()), ("prob_of_1", pa.float32())]
SCHEMA = pa.schema(
    [
        ("id", pa.int64()),
        ("text", pa.string()),
        ("text_b", pa.string()),
        ("gold", pa.int16()),
        ("group", pa.int64()),
        ("cell", pa.int8()),
        ("words", pa.int32()),
        ("shift", pa.float32()),
        ("flip_step", pa.int64()),
        *((f"{seat}_{name}", kind) for seat in SEATS for name, kind in ANSWER),
        ("tags", pa.list_(pa.string())),
    ]
)
"""The columns of Parquet; the other formats have the same names in the same order. ``prob_of_1`` is empty with more than two
classes.

Ids and groups are whole numbers in Parquet and texts elsewhere, since spreadsheets round numbers of this size.
"""


def rows_of(rows: Slice, tags: Mapping[int, Sequence[str]]) -> Iterator[list[dict[str, Any]]]:
    """Yield all rows of the view from its first page on, in its order, a few thousand at a time."""
    view, binary = rows.view.but(), rows.about.classes == 2
    while True:
        part = rows.over(view).page(CHUNK)
        chunk = part[:CHUNK]
        texts = rows.whole([example.row for example in chunk])
        yield [_row(example, binary, texts[example.row], list(tags.get(example.id, ()))) for example in chunk]
        if len(part) <= CHUNK:
            return
        view = view.model_copy(update={"after": chunk[-1].cursor})


def _row(example: Example, binary: bool, texts: tuple[str, str | None], tags: list[str]) -> dict[str, Any]:
    answers = [(said.label, said.confidence, said.of_gold, said.prob if binary else None) for said in example.said.values()]
    own = (example.gold, example.group, example.cell, example.length, example.shift, example.flip)
    values = (example.id, *texts, *own, *(value for answer in answers for value in answer), tags)
    return dict(zip(SCHEMA.names, values, strict=True))


def write(rows: Slice, tags: Mapping[int, Sequence[str]], how: Format, target: Path, about: Mapping[str, Any]) -> None:
    """Write the view to ``target``; ``about`` describes models and view, and is written where the format has a place for it."""
    parts = rows_of(rows, tags)
    match how:
        case "csv":
            with target.open("w", encoding="utf-8", newline="") as file:
                write_csv(parts, file)
        case "jsonl":
            with target.open("w", encoding="utf-8") as file:
                for part in parts:
                    file.writelines(json.dumps(row | named(row), ensure_ascii=False) + "\n" for row in part)
        case "parquet":
            write_parquet(parts, target, about)
        case "datasets":
            inner = target.with_suffix(".parquet")
            write_parquet(parts, inner, about)
            with zipfile.ZipFile(target, "w") as archive:
                archive.write(inner, f"data/{rows.view.split}.parquet")
                archive.writestr("README.md", card(about, rows.view.split))
            inner.unlink()


def named(row: Mapping[str, Any]) -> dict[str, str]:
    """Return id and group as texts: they have 63 bits, and programs round numbers of JSON beyond 2^53."""
    return {name: str(row[name]) for name in ("id", "group")}


def write_csv(parts: Iterator[list[dict[str, Any]]], file: IO[str]) -> None:
    writer = csv.writer(file)
    writer.writerow(SCHEMA.names)
    for part in parts:
        for row in part:
            row["tags"] = "; ".join(row["tags"])
            writer.writerow([neutral(value) if isinstance(value, str) else value for value in row.values()])


def neutral(text: str) -> str:
    """Return the text with an apostrophe before anything that a spreadsheet could compute as a formula, and without NUL."""
    text = text.replace("\x00", "")
    return f"'{text}" if text.lstrip(" ").startswith(FORMULA) else text


def write_parquet(parts: Iterator[list[dict[str, Any]]], target: Path, about: Mapping[str, Any]) -> None:
    schema = SCHEMA.with_metadata({"w2s-lab": json.dumps(about)})
    with pq.ParquetWriter(target, schema, compression="zstd") as writer:
        for part in parts:
            writer.write_table(pa.Table.from_pylist(part, schema))


def card(about: Mapping[str, Any], split: str) -> str:
    """Return the README of a data set folder: its files in the form that the Hub reads, and the origin of the rows."""
    lines = io.StringIO()
    lines.write(
        f"---\nconfigs:\n- config_name: default\n  data_files:\n  - split: {split}\n    path: data/{split}.parquet\n---\n\n"
    )
    lines.write(
        "# Examples of a weak-to-strong experiment\n\nA view of the answers of three models, exported by Weak-to-strong Lab.\n\n"
    )
    lines.writelines(f"* {name}: {value}\n" for name, value in about.items())
    return lines.getvalue()
