"""The rules of generative data sets, and the report on one."""

from dataclasses import replace
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from training.answers import AnswerRule
from training.catalog.check_report import AnswerReport
from training.engine.data.answer_rules import apply_answer_rules
from training.engine.data.checks import check
from training.engine.data.examples import from_table
from training.engine.data.families.example import Prompt
from training.engine.errors import CorruptData

NUMBER = AnswerRule(extract="number")


def sums(count: int = 150) -> list[Prompt]:
    return [Prompt(f"{n} + {n} =", (str(2 * n),), f"group {n}", float(len(str(n))), ("sum", str(n))) for n in range(count)]


def test_a_file_has_the_columns_of_the_format_and_depends_on_the_prompts_and_not_on_their_order(tmp_path: Path) -> None:
    for name, prompts in (("a", sums()), ("b", sums()[::-1])):
        counts = apply_answer_rules(prompts, tmp_path / name, NUMBER, ("kind", "half"))
        assert (counts.examples, counts.kept) == (150, 150)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "b"]
    table = pq.read_table(tmp_path / "a")
    assert table.column_names == ["id", "text", "answers", "group", "difficulty", "kind", "half"]
    assert table["id"].to_pylist() == sorted(table["id"].to_pylist())
    rows = {row["text"]: row for row in table.to_pylist()}
    assert {name: rows["12 + 12 ="][name] for name in ("answers", "difficulty", "kind", "half")} == {
        "answers": ["24"],
        "difficulty": 2.0,
        "kind": "sum",
        "half": "12",
    }
    assert len(from_table(table)) == 150


def test_copies_are_left_out_and_so_are_prompts_with_different_answers(tmp_path: Path) -> None:
    prompts = [
        Prompt("1 + 1", ("2",), "a"),
        Prompt("1  +\n1", ("2.0",), "a"),
        Prompt("2 + 2", ("4",), "b"),
        Prompt("2 + 2", ("5",), "b"),
        Prompt("Bxc3 x", ("1",), "c"),
        Prompt("bxc3 x", ("2",), "d"),
    ]
    counts = apply_answer_rules(prompts, tmp_path / "out", NUMBER)
    assert (counts.copies, counts.conflicts, counts.kept) == (1, 2, 3)
    table = pq.read_table(tmp_path / "out")
    assert {text.split()[0] for text in table["text"].to_pylist()} == {"1", "Bxc3", "bxc3"}
    assert table.column_names == ["id", "text", "answers", "group"]


def test_nothing_left_is_a_sentence(tmp_path: Path) -> None:
    for prompts in ([], [Prompt("1", ("2",), "a"), Prompt("1", ("3",), "a")]):
        with pytest.raises(CorruptData, match=f"Of {len(prompts)} prompts none is left"):
            apply_answer_rules(prompts, tmp_path / "out", NUMBER)


def test_the_report_has_lengths_answers_difficulty_and_the_commonest_answer(tmp_path: Path) -> None:
    prompts = [Prompt(f"{'x' * n} is", ("Yes", "Yes.") if n < 90 else ("no",), f"group {n}", float(n)) for n in range(1, 151)]
    counts = apply_answer_rules(prompts, tmp_path / "out", AnswerRule())
    report = check(tmp_path / "out", counts, rule=AnswerRule())
    assert report.answers == AnswerReport(
        distinct=2,
        commonest="yes",
        commonest_rows=89,
        several=89,
        prompt_characters=(78, 153),
        answer_characters=(3, 3),
        difficulty=(1.0, 75.5, 150.0),
    )
    assert (report.classes, report.baselines, report.shares) == ((), (), ())
    assert report.lengths.median == (2.0, 1.0)
    assert sum(report.lengths.counts[1]) == 150
    assert report.samples[0].label is None
    assert report.samples[0].answers in {("Yes", "Yes."), ("no",)}
    assert report.warnings == (
        "There are only 150 rows: expect wide intervals.",
        "“yes” is the answer of 59% of the rows: a model that always writes it is right as often.",
    )


def test_near_copies_of_a_prompt_in_other_groups_are_found(tmp_path: Path) -> None:
    words = " ".join(f"word{n}" for n in range(40))
    prompts = [replace(prompt, further=(), difficulty=None) for prompt in sums()]
    prompts += [Prompt(f"{words} one", ("1",), "x"), Prompt(f"{words} two", ("2",), "y")]
    counts = apply_answer_rules(prompts, tmp_path / "out", NUMBER)
    assert check(tmp_path / "out", counts, rule=NUMBER).neighbours.near == 2
