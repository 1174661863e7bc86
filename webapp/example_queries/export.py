"""Export of a view: CSV, JSON lines, Parquet, or a folder that ``datasets.load_dataset`` reads, written row by row."""

import csv
import io
import json
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import IO, Any, Literal

import pyarrow as pa
import pyarrow.parquet as pq

from webapp.example_queries.kinds import WRITTEN
from webapp.example_queries.rows import Example, Labelled, Written
from webapp.example_queries.slices import Slice
from webapp.example_queries.view import SEATS

Format = Literal["csv", "jsonl", "parquet", "datasets"]
SUFFIXES: dict[Format, str] = {"csv": "csv", "jsonl": "jsonl", "parquet": "parquet", "datasets": "zip"}

CHUNK = 5_000
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "|", "%")
"""Characters that make a spreadsheet read a text as a formula, at its beginning or after a space."""

BEGIN = [("id", pa.int64()), ("text", pa.string())]
PLACE = [("group", pa.int64()), ("cell", pa.int8()), ("words", pa.int32())]
END = [("tags", pa.list_(pa.string()))]
SAID = [("label", pa.int16()), ("confidence", pa.float32()), ("prob_of_gold", pa.float32()), ("prob_of_1", pa.float32())]
LABELS = pa.schema(
    [
        *BEGIN,
        ("text_b", pa.string()),
        ("gold", pa.int16()),
        *PLACE,
        ("shift", pa.float32()),
        ("flip_step", pa.int64()),
        *((f"{seat}_{name}", kind) for seat in SEATS for name, kind in SAID),
        *END,
    ]
)
"""The columns of Parquet; the other formats have the same names in the same order. ``prob_of_1`` is empty with more than two
classes.

Ids and groups are whole numbers in Parquet and texts elsewhere, since spreadsheets round numbers of this size.
"""

OF_TEXTS = ("text_b", "words")
"""Columns that a file of images or rows of features does not have: their ``text`` is a name."""

WROTE = [
    ("text", pa.string()),
    ("answer", pa.string()),
    ("right", pa.bool_()),
    ("log_probability", pa.float32()),
    ("ended", pa.bool_()),
]
ANSWERS = pa.schema(
    [
        *BEGIN,
        ("references", pa.list_(pa.string())),
        *PLACE,
        ("difficulty", pa.float64()),
        ("flip_step", pa.int64()),
        *((f"{seat}_{name}", kind) for seat in SEATS for name, kind in WROTE),
        *END,
    ]
)
"""The columns of written answers; the further columns of the data set follow, as texts."""


def schema_of(rows: Slice) -> pa.Schema:
    """Return the columns of the view's file."""
    if rows.about.kind is not WRITTEN:
        return LABELS if rows.about.worded else pa.schema([field for field in LABELS if field.name not in OF_TEXTS])
    return pa.schema([*ANSWERS, *((name, pa.string()) for name in further(rows))])


def further(rows: Slice) -> dict[str, str]:
    """Return the names in the file of the data set's further columns, with their own names."""
    return {f"data_{name}" if name in ANSWERS.names else name: name for name in rows.others_named}


def rows_of(rows: Slice, tags: Mapping[int, Sequence[str]]) -> Iterator[list[dict[str, Any]]]:
    """Yield all rows of the view from its first page on, in its order, a few thousand at a time."""
    view = rows.view.but()
    make = _written if rows.about.kind is WRITTEN else _labelled
    while True:
        part = rows.over(view).page(CHUNK)
        chunk = part[:CHUNK]
        made = make(rows, chunk)
        yield [row | {"tags": list(tags.get(example.id, ()))} for example, row in zip(chunk, made, strict=True)]
        if len(part) <= CHUNK:
            return
        view = view.model_copy(update={"after": chunk[-1].cursor})


def _labelled(rows: Slice, chunk: Sequence[Example]) -> list[dict[str, Any]]:
    """Return the rows of these examples without their tags."""
    texts, binary = rows.whole([example.row for example in chunk]), rows.about.classes == 2
    made = []
    for example in chunk:
        assert isinstance(example, Labelled)
        answers = [(said.label, said.confidence, said.of_gold, said.prob if binary else None) for said in example.said.values()]
        own = (example.gold, example.group, example.cell, example.length, example.shift, example.flip)
        values = (example.id, *texts[example.row], *own, *(value for answer in answers for value in answer))
        made.append(dict(zip(LABELS.names[:-1], values, strict=True)))
    left_out = () if rows.about.worded else OF_TEXTS
    return [{name: value for name, value in row.items() if name not in left_out} for row in made]


def _written(rows: Slice, chunk: Sequence[Example]) -> list[dict[str, Any]]:
    texts, others = rows.whole_written([example.row for example in chunk]), further(rows)
    made = []
    for example in chunk:
        assert isinstance(example, Written)
        text, references, values = texts[example.row]
        own = (example.group, example.cell, example.length, example.difficulty, example.flip)
        said = example.said.values()
        answers = [(wrote.text, wrote.answer, wrote.right, wrote.log_probability, wrote.ended) for wrote in said]
        row = dict(zip(ANSWERS.names[:-1], (example.id, text, references, *own, *chain.from_iterable(answers)), strict=True))
        # The tags, which are filled in later, keep their place.
        made.append(row | {"tags": []} | {name: values[column] for name, column in others.items()})
    return made


def write(rows: Slice, tags: Mapping[int, Sequence[str]], how: Format, target: Path, about: Mapping[str, Any]) -> None:
    """Write the view to ``target``; ``about`` describes models and view, and is written where the format has a place for it."""
    parts, schema = rows_of(rows, tags), schema_of(rows)
    match how:
        case "csv":
            with target.open("w", encoding="utf-8", newline="") as file:
                write_csv(parts, schema.names, file)
        case "jsonl":
            with target.open("w", encoding="utf-8") as file:
                for part in parts:
                    file.writelines(json.dumps(row | named(row), ensure_ascii=False) + "\n" for row in part)
        case "parquet":
            write_parquet(parts, schema, target, about)
        case "datasets":
            inner = target.with_suffix(".parquet")
            write_parquet(parts, schema, inner, about)
            with zipfile.ZipFile(target, "w") as archive:
                archive.write(inner, f"data/{rows.view.split}.parquet")
                archive.writestr("README.md", card(about, rows.view.split))
            inner.unlink()


def named(row: Mapping[str, Any]) -> dict[str, str]:
    """Return id and group as texts: they have 63 bits, and programs round numbers of JSON beyond 2^53."""
    return {name: str(row[name]) for name in ("id", "group")}


def write_csv(parts: Iterator[list[dict[str, Any]]], names: Sequence[str], file: IO[str]) -> None:
    """Write the rows. Several references are a list of JSON, since each may contain any separator."""
    writer = csv.writer(file)
    writer.writerow(names)
    for part in parts:
        for row in part:
            row["tags"] = "; ".join(row["tags"])
            if "references" in row:
                row["references"] = json.dumps(row["references"], ensure_ascii=False)
            writer.writerow([neutral(value) if isinstance(value, str) else value for value in row.values()])


def neutral(text: str) -> str:
    """Return the text with an apostrophe before anything that a spreadsheet could compute as a formula, and without NUL."""
    text = text.replace("\x00", "")
    return f"'{text}" if text.lstrip(" ").startswith(FORMULA) else text


def write_parquet(parts: Iterator[list[dict[str, Any]]], schema: pa.Schema, target: Path, about: Mapping[str, Any]) -> None:
    schema = schema.with_metadata({"w2s-lab": json.dumps(about)})
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
