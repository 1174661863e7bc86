"""Files as spreadsheets, notebooks and chat tools leave them: read, or refused with a sentence that says what to do."""

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from training.catalog.column_mapping import Labelled, Pair, columns_of, fill, place_of, template_of
from training.cli.main import main
from training.cli.recipe import read_recipe
from training.engine.data.apply_mapping import examples
from training.engine.data.files import open_file
from training.engine.data.preview import preview
from training.engine.errors import CorruptData


def written(folder: Path, content: bytes, name: str = "file.csv") -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


@pytest.mark.parametrize(
    ("content", "columns", "row"),
    [
        (b'"Answer (a; b; c)",label\n"one",1\n"two",0\n', ["Answer (a; b; c)", "label"], ("one", "1")),
        (b'"te\nxt";label\none;1\ntwo;0\n', ["te\nxt", "label"], ("one", "1")),
        (b'text;label\n"a, b, c";1\n"d, e, f";0\n', ["text", "label"], ("a, b, c", "1")),
        (b"text;score\nhello;1,5\nbye;2,5\n", ["text", "score"], ("hello", "1,5")),
        (b"a, b\tlabel\nx, y\t1\n", ["a, b", "label"], ("x, y", "1")),
        (b"id,notes; remarks\n1,a; b\n2,c\n", ["id", "notes; remarks"], ("1", "a; b")),
        (b",text,label\n0,one,1\n1,two,0\n", ["column 1", "text", "label"], ("0", "one", "1")),
        (b"text,,label\none,x,1\n", ["text", "column 2", "label"], ("one", "x", "1")),
        (b"sep=;\r\ntext;label\r\none;1\r\n", ["text", "label"], ("one", "1")),
        (b"\xef\xbb\xbfsep=;\ntext;label\none;1\n", ["text", "label"], ("one", "1")),
        (b'"sep=,"\ntext,label\none,1\n', ["text", "label"], ("one", "1")),
        (b"SEP=\t\ntext\tlabel\none\t1\n", ["text", "label"], ("one", "1")),
        (b"text,label,\none,1,\n", ["text", "label"], ("one", "1")),
        (b"text,label,,\none,1,,\n", ["text", "label"], ("one", "1")),
        (b"text,label,\none,1\n", ["text", "label"], ("one", "1")),
        (b"text,label\none,1,\n", ["text", "label"], ("one", "1")),
        (b"text,label,\none,1,note\n", ["text", "label", "column 3"], ("one", "1", "note")),
        (b"text,label\rone,1\rtwo,0", ["text", "label"], ("one", "1")),
        (b"\ntext,label\none,1\n", ["text", "label"], ("one", "1")),
    ],
)
def test_csv_as_programs_write_it_is_read(tmp_path: Path, content: bytes, columns: list[str], row: tuple[str, ...]) -> None:
    actual = preview(written(tmp_path, content))
    assert [column.name for column in actual.columns] == columns
    assert actual.rows[0] == row


def test_json_lines_that_end_with_carriage_returns_are_read(tmp_path: Path) -> None:
    path = written(tmp_path, b'{"text":"a","label":1}\r{"text":"b","label":0}\r', "file.jsonl")
    assert preview(path).rows == (("a", "1"), ("b", "0"))


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.csv", b"text,g\xfcltig\nhallo,1\n", r"The name of column 2 is not UTF-8 \(byte 0xfc\)\. Save the file as UTF-8"),
        ("a.jsonl", b'{"text": "hallo", "g\xfcltig": 1}\n', r"The name of column 2 is not UTF-8 \(byte 0xfc\)"),
        ("b.jsonl", b'{"text": "hallo", "\\ud800x": 1}\n', r"The name of column 2 is not UTF-8 \(half a character, U\+D800\)"),
        ("a.csv", b'"text"x,label\na,1\n', "The header: after a quotation mark that closes a value there is more text"),
        ("a.csv", b'"text,label\na,1\n', "The header: a quotation mark is opened and not closed"),
        ("a.csv", b"text,label\na\rb,1\nc,2\n", "Row 1, which begins at line 2: a line ends in the middle"),
        ("a.csv", b"sep=;\ntext;label\none;1;2\n", r"Row 1 \(line 3\) has 3 values, the header has 2"),
        ("a.csv", b"text,label\none,1\ntwo,1,3\n", r"Row 2 \(line 3\) has 3 values, the header has 2"),
        ("a.csv", b"\n\n\n", "The file has no header"),
    ],
)
def test_what_cannot_be_read_is_said_where_it_is_and_what_mends_it(tmp_path: Path, name: str, content: bytes, said: str) -> None:
    path = written(tmp_path, content, name)
    with pytest.raises(CorruptData, match=said):
        list(open_file(path).rows())


@pytest.mark.parametrize("name", ["a.csv", "a.jsonl"])
def test_a_header_that_is_not_utf8_is_answered_and_nothing_crashes(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], name: str
) -> None:
    content = b"text,g\xfcltig\nhallo,1\n" if name == "a.csv" else b'{"text": "hallo", "g\xfcltig": 1}\n'
    assert main(["data", "look", str(written(tmp_path, content, name))]) == 1
    out, err = capfd.readouterr()
    assert json.loads(out)["kind"] == "refused"
    assert "Traceback" not in err


def test_a_recipe_and_a_mapping_may_begin_with_a_byte_order_mark(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    recipe = written(tmp_path, b'\xef\xbb\xbf{"name":"x","weak":{"models":["bag-of-words"]}}', "recipe.json")
    assert read_recipe(str(recipe)).name == "x"
    how = {
        "kind": "labelled",
        "text": "text",
        "label": "label",
        "classes": [{"name": "a", "values": [0]}, {"name": "b", "values": [1]}],
    }
    mapping = written(tmp_path, b"\xef\xbb\xbf" + json.dumps(how).encode(), "mapping.json")
    main(["data", "check", str(written(tmp_path, b"text,label\none,1\n")), "--mapping", str(mapping)])
    assert "not JSON" not in capfd.readouterr().out


SAID = [{"role": "user", "content": "Why?"}, {"role": "assistant", "content": "Because."}]
SHARE_GPT = [{"from": "human", "value": "Why?"}, {"from": "gpt", "value": "Because."}]
PARTS = [{"role": "user", "content": [{"type": "text", "text": "Why?"}]}, {"role": "assistant", "content": "Because."}]


@pytest.mark.parametrize("messages", [SAID, SHARE_GPT, PARTS, json.dumps(SAID), repr(SAID)])
@pytest.mark.parametrize("kind", ["jsonl", "parquet", "csv"])
def test_lists_of_messages_are_read_with_the_roles_before_them(tmp_path: Path, messages: Any, kind: str) -> None:
    path = tmp_path / f"chat.{kind}"
    if kind == "jsonl":
        path.write_text(json.dumps({"chosen": messages, "rejected": [SAID[0]]}))
    elif kind == "csv":
        cell = messages if isinstance(messages, str) else json.dumps(messages)
        quoted = cell.replace('"', '""')
        path.write_text(f'chosen,rejected\n"{quoted}",no\n')
    elif isinstance(messages, list) and isinstance(messages[0].get("content"), list):
        path = tmp_path / "chat.jsonl"
        path.write_text(json.dumps({"chosen": messages, "rejected": "no"}))
    else:
        pq.write_table(pa.Table.from_pylist([{"chosen": messages, "rejected": "no"}]), path)
    mapping = Pair.model_validate({"kind": "pair", "chosen": "chosen", "rejected": "rejected"})
    (made_rows,) = examples(open_file(path), mapping, lambda rows: rows)
    assert "User: Why?\n\nAssistant: Because." in (made_rows.text, made_rows.text_b)


def test_a_text_that_only_looks_like_a_list_stays_what_it_is(tmp_path: Path) -> None:
    path = tmp_path / "file.jsonl"
    path.write_text(json.dumps({"text": '[{"a": 1}]', "label": 1}))
    assert preview(path).rows == (('[{"a": 1}]', "1"),)


@pytest.mark.parametrize("column", ["a{b}", "{x}", "{", "}", "a}{b", "{a}{b}", "plain", "C:\\{dir}"])
def test_a_column_of_any_name_stands_in_a_template(column: str) -> None:
    row = {column: "value"}
    for template in (template_of(column), place_of(column)):
        assert columns_of(template) == (column,)
        assert fill(template, row) == "value"
    assert fill(f"{place_of(column)} and {place_of(column)}", row) == "value and value"


def test_labels_and_groups_match_however_their_accents_are_composed(tmp_path: Path) -> None:
    path = written(tmp_path, "text,label,who\na,cafe\u0301,re\u0301my\nb,bar,r\u00e9my\n".encode())
    classes = [{"name": "café", "values": ["caf\u00e9"]}, {"name": "bar", "values": ["bar"]}]
    mapping = Labelled.model_validate({"kind": "labelled", "text": "text", "label": "label", "group": "who", "classes": classes})
    rows = list(examples(open_file(path), mapping, lambda rows: rows))
    assert [row.label for row in rows] == [0, 1]
    assert rows[0].group == rows[1].group
