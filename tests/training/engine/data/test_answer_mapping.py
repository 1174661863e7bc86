"""Prompts with answers from files: what a mapping makes of every format, and what it says of rows that cannot be used."""

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from training.answers import AnswerRule
from training.catalog.column_mapping import Answered, Mapping
from training.engine.data import prepare
from training.engine.data.answer_mapping import prompts
from training.engine.data.families.example import Prompt
from training.engine.data.files import open_file
from training.engine.errors import CorruptData

HOW: dict[str, Any] = {"kind": "answers", "prompt": "{sum}\nAnswer:", "answers": "total", "rule": {"extract": "number"}}
ROWS = [
    {"sum": "1 + 1", "total": ["2", "two is 2"], "level": 1, "about": ["short", "easy"]},
    {"sum": "20 + 30", "total": ["50"], "level": 2.5, "about": []},
]


def nothing(phase: str, done: int, total: int) -> None:
    """Progress that nobody watches."""


def read(path: Path, **changes: object) -> list[Prompt]:
    mapping = Answered.model_validate(HOW | changes)
    return list(prompts(open_file(path), mapping, lambda rows: rows))


def written(folder: Path, name: str, rows: list[dict[str, Any]]) -> Path:
    path = folder / name
    match path.suffix:
        case ".parquet":
            pq.write_table(pa.Table.from_pylist(rows), path)
        case ".jsonl":
            path.write_text("\n".join(map(json.dumps, rows)))
        case _:
            lines = [[";".join(value) if isinstance(value, list) else str(value) for value in row.values()] for row in rows]
            path.write_text("\n".join(map(",".join, [list(rows[0]), *lines])))
    return path


def table(folder: Path, *lines: str) -> Path:
    path = folder / "sums.csv"
    path.write_text("\n".join(["sum,total,level", *lines, ""]))
    return path


def test_lists_and_values_with_a_separator_are_several_answers_in_every_format(tmp_path: Path) -> None:
    for name in ("a.parquet", "a.jsonl", "a.csv"):
        first, second = read(written(tmp_path, name, ROWS), separator=";", difficulty="level", keep=["about"])
        assert (first.text, first.answers, first.group, first.difficulty) == (
            "1 + 1\nAnswer:",
            ("2", "two is 2"),
            "1 1 answer",
            1.0,
        )
        assert (second.answers, second.difficulty, second.further) == (("50",), 2.5, ("",))
        assert first.further == (("short easy",) if name != "a.csv" else ("short;easy",))


def test_empty_and_repeated_answers_of_a_row_do_not_count(tmp_path: Path) -> None:
    (prompt,) = read(table(tmp_path, "1 + 1,2|| 2 |3,1"), separator="|")
    assert prompt.answers == ("2", "3")


@pytest.mark.parametrize(
    ("lines", "changes", "sentence"),
    [
        (
            ["1 + 1,2,1", "2 + 2,,1", "3 + 3, ,1"],
            {},
            "Column “total”: the answer is empty in 2 of 3 rows, first in row 2. Correct the rows, or choose to leave them out.",
        ),
        (
            ["1 + 1,2,1", "2 + 2,four,1", "3 + 3,six,1"],
            {},
            "Column “total”: the rule (Last number) finds no answer in 2 of 3 rows, first in row 2: “four”.",
        ),
        (
            ["1 + 1,two,1"],
            {"rule": {"extract": "pattern", "pattern": r"#### (\d+)"}},
            r"Column “total”: the rule (Regular expression #### (\d+)) finds no answer in 1 of 1 rows, first in row 1: “two”.",
        ),
        (
            ["1 + 1,2,1", "2 + 2,4444,1"],
            {"longest": 3},
            "Column “total”: the answer has more than 3 characters in 1 of 2 rows, first in row 2 with 4.",
        ),
        (
            ["1 + 1,,1", "2 + 2,four,1"],
            {},
            "the answer is empty in 1 of 2 rows, first in row 1; the rule (Last number) finds no answer in 1 of 2 rows, first in",
        ),
        (["1 + 1,2,hard"], {"difficulty": "level"}, "Row 1, column “level”: “hard” is no number, and difficulty needs one."),
        (["1 + 1,2,inf"], {"difficulty": "level"}, "Row 1, column “level”: “inf” is no number, and difficulty needs one."),
        ([",2,1"], {}, "Row 1, column “sum”: the prompt is empty."),
        (["1 + 1,2,"], {"group": "level"}, "Row 1, column “level”: the group is missing."),
        (["1 + 1,2,1"], {"answers": "answer"}, "There is no column “answer”. There are: sum, total, level."),
    ],
)
def test_rows_that_cannot_be_used_are_said_with_their_number_and_the_first(
    tmp_path: Path, lines: list[str], changes: dict[str, object], sentence: str
) -> None:
    with pytest.raises(CorruptData) as caught:
        read(table(tmp_path, *lines), **changes)
    assert sentence in str(caught.value)


def test_rows_without_a_usable_answer_are_left_out_and_counted_if_the_mapping_says_so(tmp_path: Path) -> None:
    lines = [f"{number} + 1,{number + 1},1" for number in range(120)]
    path = table(tmp_path, *lines, "200 + 1,,1", "201 + 1,many,1", "202 + 1,2222,1")
    mapping = Mapping.model_validate(HOW | {"skip": True, "longest": 3})
    checked = prepare.check_file(path, mapping, tmp_path / "out", nothing)
    counts = checked.report.counts
    assert (counts.read, counts.skipped, counts.examples, counts.kept) == (123, 3, 120, 120)
    assert checked.report.answers
    assert checked.report.answers.answer_characters == (2, 3)


def test_a_mapping_keeps_no_column_twice_or_with_a_name_that_has_a_meaning() -> None:
    for keep, sentence in ((["label"], "has a meaning of its own"), (["Answers"], "has a meaning"), (["a", "A"], "kept twice")):
        with pytest.raises(ValueError, match=sentence):
            Answered.model_validate(HOW | {"keep": keep})


def test_a_mapping_in_json_has_the_line_as_its_rule_unless_it_says_otherwise() -> None:
    mapping = Mapping.model_validate({"kind": "answers", "prompt": "q", "answers": "a"})
    assert isinstance(mapping.root, Answered)
    assert mapping.root.rule == AnswerRule(extract="line")
