"""Files that people bring: what is read of them, and what is said of each way in which they can be broken."""

import gzip
import json
import zipfile
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from training.catalog.column_mapping import Labelled, Mapping, Pair
from training.engine.data import files, parquet_files
from training.engine.data.apply_mapping import examples
from training.engine.data.families.example import Example
from training.engine.data.files import open_file
from training.engine.data.preview import preview
from training.engine.errors import CorruptData


def labelled(**changes: Any) -> Mapping:
    base = {"kind": "labelled", "text": "text", "label": "label", "classes": [named("no", "no"), named("yes", "yes")]}
    return Mapping.model_validate(base | changes)


def named(name: str, *values: Any) -> dict[str, Any]:
    return {"name": name, "values": values}


PAIR = Mapping.model_validate({"kind": "pair", "chosen": "{prompt}\n{good}", "rejected": "{prompt}\n{bad}", "group": "prompt"})


def written(folder: Path, content: str | bytes, name: str = "file.csv") -> Path:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def read(path: Path, mapping: Mapping | None = None) -> list[Example]:
    root = (mapping or labelled()).root
    assert isinstance(root, Labelled | Pair)
    return list(examples(open_file(path), root, lambda rows: rows))


def test_csv_json_lines_and_parquet_give_the_same_examples(tmp_path: Path) -> None:
    rows = [{"text": "Hello, “you”\nthere", "label": "yes"}, {"text": "x", "label": "no"}]
    first = written(tmp_path, 'text,label\n"Hello, “you”\nthere",yes\nx,no\n')
    two = written(tmp_path, "".join(json.dumps(row) + "\n" for row in rows), "file.jsonl")
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "file.parquet")
    actual = [read(path) for path in (first, two, tmp_path / "file.parquet")]
    assert actual[0] == actual[1] == actual[2]
    assert actual[0] == [Example("Hello, “you”\nthere", 1, "hello you there"), Example("x", 0, "x")]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_told_from_the_header_and_a_byte_order_mark_is_no_part_of_it(tmp_path: Path, delimiter: str) -> None:
    text = delimiter.join(["\ufefftext", "label", "more"]) + "\n" + delimiter.join(["a", "yes", ""]) + "\n"
    assert read(written(tmp_path, text)) == [Example("a", 1, "a")]


def test_a_template_joins_columns_and_says_nothing_but_columns(tmp_path: Path) -> None:
    path = written(tmp_path, "title,body,label\nA,b {title},yes\n")
    assert read(path, labelled(text="{title}: {body}"))[0].text == "A: b {title}"
    with pytest.raises(CorruptData, match=r"There is no column “title.__class__”. There are: title, body, label"):
        read(path, labelled(text="{title.__class__}"))


def test_numbers_and_booleans_are_labels_as_they_are_written(tmp_path: Path) -> None:
    path = written(tmp_path, '{"text": "a", "label": true}\n{"text": "b", "label": 0}\n{"text": "c", "label": 1.0}\n', "f.jsonl")
    assert [row.label for row in read(path, labelled(classes=[named("no", 0), named("yes", True, 1)]))] == [1, 0, 1]


def test_a_pair_is_one_example_of_two_texts_and_equal_replies_say_nothing(tmp_path: Path) -> None:
    path = written(tmp_path, "prompt,good,bad\nWhy?,because,no\nHow?,so,So\n")
    (actual,) = read(path, PAIR)
    texts = [actual.text, actual.text_b]
    assert texts[1 - actual.label] == "Why?\nbecause"
    assert texts[actual.label] == "Why?\nno"
    first = "first" if texts[0] == "Why?\nbecause" else "second"
    assert isinstance(PAIR.root, Pair)
    assert PAIR.root.class_names[actual.label] == f"the {first} is preferred"
    assert actual.group == "Why?"


def parquet(rows: list[dict[str, Any]]) -> bytes:
    sink = pa.BufferOutputStream()
    pq.write_table(pa.Table.from_pylist(rows), sink)
    return bytes(sink.getvalue())


GOOD = "text,label\na,yes\n"
BROKEN: dict[str, tuple[str, str | bytes, str]] = {
    "a row that is too short": ("file.csv", f"{GOOD}b\n", "Row 2 (line 3) has 1 value, the header has 2."),
    "a row that is too long": ("file.csv", f"{GOOD}b,no,c\n", "Row 2 (line 3) has 3 values, the header has 2."),
    "a quotation mark that stays open": (
        "file.csv",
        f'{GOOD}"b,no\nc,no\n',
        "Row 2, which begins at line 3: a quotation mark is",
    ),
    "a byte that is not UTF-8": ("file.csv", GOOD.encode() + b"caf\xe9,no\n", "Row 2, column “text”: not UTF-8 (byte 0xe9)."),
    "UTF-16": ("file.csv", GOOD.encode("utf-16"), "The file is UTF-16. Save it as UTF-8."),
    "a missing label": ("file.csv", f"{GOOD}b,\n", "Row 2, column “label”: the label is missing."),
    "a third label": (
        "file.csv",
        f"{GOOD}b,maybe\n",
        "Row 2, column “label”: “maybe” is none of the labels that are listed (no, yes).",
    ),
    "an empty text": ("file.csv", f"{GOOD}  ,no\n", "Row 2, column “text”: the text is empty."),
    "a missing column": ("file.csv", "words,label\na,yes\n", "There is no column “text”. There are: words, label."),
    "a column twice": ("file.csv", "text,text\na,yes\n", "Two columns are called “text”."),
    "a column without a name": ("file.jsonl", '{" ": "a", "label": "yes"}\n', "Column 1 has no name."),
    "an empty file": ("file.csv", "", "The file is empty."),
    "gzip": ("file.csv", gzip.compress(GOOD.encode()), "The file is compressed (gzip). Unpack it first"),
    "zip by another name": ("file.jsonl", b"PK\x03\x04rest", "The file is compressed (zip). Unpack it first"),
    "bytes": ("file.csv", b"\x00\x01\x02", "The file is not text, so it is no CSV."),
    "another ending": ("file.xlsx", b"PK\x03\x04", "A file that ends in “.xlsx” cannot be read. There are: .csv"),
    "no JSON": ("file.jsonl", '{"text": "a", "label": "yes"}\n{"text"\n', "Row 2 is not JSON: "),
    "no object": ("file.jsonl", "[1]\n", "Row 1 is no JSON object"),
    "a row without the column": ("file.jsonl", '{"text": "a", "label": "yes"}\n{"text": "b"}\n', "Row 2 has no “label”."),
    "a list as text": ("file.jsonl", '{"text": ["a"], "label": "yes"}\n', "Row 1, column “text”: a list; only text"),
    "half a character": (
        "file.jsonl",
        '{"text": "\\ud800", "label": "yes"}\n',
        "Row 1, column “text”: not UTF-8 (half a character",
    ),
    "a Parquet that is none": ("file.parquet", b"PAR1 no, it is not", "The file is no Parquet file, or is cut short"),
    "a Parquet cut short": (
        "file.parquet",
        parquet([{"text": "a", "label": "yes"}])[:-20],
        "The file is no Parquet file, or is cut",
    ),
    "a Parquet without the label": (
        "file.parquet",
        parquet([{"text": "a", "label": "yes"}, {"text": "b", "label": None}]),
        "Row 2, column “label”: the label is missing.",
    ),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_file_is_refused_with_its_row_and_column(tmp_path: Path, case: str) -> None:
    name, content, message = BROKEN[case]
    with pytest.raises(CorruptData) as caught:
        read(written(tmp_path, content, name))
    assert message in str(caught.value)


def test_a_column_of_bytes_that_calls_itself_text_is_refused(tmp_path: Path) -> None:
    column = pa.array([b"good", b"\xff\xfe"]).view(pa.string())
    pq.write_table(pa.table({"text": column, "label": ["yes", "no"]}), tmp_path / "file.parquet")
    with pytest.raises(CorruptData, match="Row 2, column “text”: not UTF-8"):
        read(tmp_path / "file.parquet")


def test_a_parquet_that_unpacks_to_an_absurd_size_is_refused_before_it_is_unpacked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = pa.table({"text": ["spam " * 1000] * 5000, "label": ["yes"] * 5000})
    pq.write_table(table, tmp_path / "bomb.parquet", compression="zstd", use_dictionary=False)
    assert (tmp_path / "bomb.parquet").stat().st_size < 1_000_000
    monkeypatch.setattr(parquet_files, "LARGEST_UNPACKED", 10_000_000)
    with pytest.raises(CorruptData, match="The file unpacks to"):
        open_file(tmp_path / "bomb.parquet")
    monkeypatch.setattr(parquet_files, "LARGEST_CHUNK", 10_000_000)
    with pytest.raises(CorruptData, match="Column “text” unpacks to"):
        open_file(tmp_path / "bomb.parquet")


def test_a_parquet_of_a_few_kilobytes_that_repeats_one_huge_text_is_refused_by_row_or_in_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    texts = pa.DictionaryArray.from_arrays(pa.array([0] * 5 + [1] * 2000, pa.int32()), ["short", "long " * 400_000])
    pq.write_table(pa.table({"text": texts, "label": ["yes"] * 2005}), tmp_path / "bomb.parquet", compression="zstd")
    assert (tmp_path / "bomb.parquet").stat().st_size < 10_000  # and 4 GB of text
    monkeypatch.setattr(parquet_files, "LARGEST_UNPACKED", 10_000_000)
    with pytest.raises(CorruptData, match=r"Up to row 10 the file unpacks to more than 8 GB"):
        read(tmp_path / "bomb.parquet")
    monkeypatch.setattr(parquet_files, "LONGEST_LINE", 1_000_000)
    with pytest.raises(CorruptData, match=r"Row 6, column “text”: a text of more than 16 MB"):
        read(tmp_path / "bomb.parquet")


def test_texts_of_a_parquet_dictionary_come_in_their_order_with_what_is_empty(tmp_path: Path) -> None:
    texts = ["b", None, "a", "b", "c", None]
    for kind in (pa.string(), pa.large_string()):
        pq.write_table(pa.table({"text": pa.array(texts, kind)}), tmp_path / "some.parquet")
        assert [row["text"] for row in open_file(tmp_path / "some.parquet").rows()] == ["b", "", "a", "b", "c", ""]


def test_a_line_without_end_is_refused_before_it_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "LONGEST_LINE", 100)
    with pytest.raises(CorruptData, match="Line 2 is longer than"):
        read(written(tmp_path, f"text,label\n{'a' * 200},yes\n"))


def test_a_file_above_the_limit_is_refused(tmp_path: Path) -> None:
    with (tmp_path / "large.csv").open("wb") as file:
        file.truncate(files.LARGEST_BYTES + 1)
    with pytest.raises(CorruptData, match="at most 1 GB"):
        open_file(tmp_path / "large.csv")


def test_a_look_tells_columns_types_few_values_and_first_rows(tmp_path: Path) -> None:
    lines = "".join(f'text {n},{n % 2},{n / 2},"{ {} }"\n' for n in range(100))
    columns = preview(written(tmp_path, f"text,label,score,more\n{lines}"))
    assert [(column.name, column.type) for column in columns.columns] == [
        ("text", "text"),
        ("label", "whole number"),
        ("score", "number"),
        ("more", "text"),
    ]
    assert columns.columns[1].values == ("0", "1")
    assert columns.columns[0].values is None
    assert columns.rows[0] == ("text 0", "0", "0.0", "{}")
    assert columns.looked_at == 100


def test_a_look_shows_lists_that_could_not_be_texts(tmp_path: Path) -> None:
    columns = preview(written(tmp_path, '{"text": "a", "more": [1, 2]}\n', "file.jsonl"))
    assert columns.rows == (("a", "[1, 2]"),)


def test_zip_is_told_by_its_first_bytes(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "file.csv", "w") as archive:
        archive.writestr("a", "b")
    with pytest.raises(CorruptData, match=r"compressed \(zip\)"):
        open_file(tmp_path / "file.csv")


@pytest.mark.parametrize(
    ("classes", "sentence"),
    [
        ([named("a", "1", "0"), named("b", "1")], "“1” cannot mean both a and b"),
        ([named("a", "1"), named("a", "0")], "Two classes are called “a”"),
        ([named("a", "1", "0")], "At least two classes are needed"),
        ([named(str(number), number) for number in range(1001)], "There are 1001 classes, and at most 1000 can be told apart"),
    ],
)
def test_classes_that_cannot_be_are_refused_with_a_sentence(classes: list[dict[str, Any]], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        labelled(classes=classes)


def test_classes_count_from_zero_in_the_order_in_which_they_are_named(tmp_path: Path) -> None:
    how = labelled(classes=[named("bad", 1, 2), named("middling", 3), named("good", 4, 5)])
    path = written(tmp_path, "text,label\na,5\nb,3\nc,2\nd,1\n")
    assert [row.label for row in read(path, how)] == [2, 1, 0, 0]
    assert isinstance(how.root, Labelled)
    assert how.root.class_names == ("bad", "middling", "good")


def test_rows_with_a_label_that_is_not_listed_are_left_out_if_that_was_asked_for(tmp_path: Path) -> None:
    path = written(tmp_path, "text,label\na,yes\nb,maybe\nc,\nd,no\n")
    assert [row.text for row in read(path, labelled(skip=True))] == ["a", "d"]
