"""Warnings name texts that a bag of words cannot tell apart, and texts that are ids."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from training.catalog.column_mapping import Mapping
from training.command_output import CheckResult
from training.engine.data import prepare
from training.engine.data.text_checks import is_id, warnings

PAIR = Mapping.model_validate({"kind": "pair", "chosen": "chosen", "rejected": "rejected"})
LABELLED = Mapping.model_validate(
    {
        "kind": "labelled",
        "text": "text",
        "label": "label",
        "classes": [{"name": "no", "values": [0]}, {"name": "yes", "values": [1]}],
    }
)


def checked(folder: Path, rows: list[dict[str, Any]], mapping: Mapping) -> CheckResult:
    path = folder / "rows.jsonl"
    path.write_text("\n".join(json.dumps(row, ensure_ascii=False) for row in rows))
    return prepare.check_file(path, mapping, folder / "out", lambda *_: None)


@pytest.mark.parametrize(
    ("first", "other"),
    [("x = -{}", "x = {}"), ("if v{} == a:", "if v{} != a:"), ("ok {} 👍", "ok {} 👎"), ("वह {} जाती है", "वह {} जाता है"),
     ("f({})", "f[{}]"), ("{} ≤ y", "{} ≥ y"), ("C{}", "C{}++"), ("so {} :)", "so {} :("), ("你好{}。", "你好{}！")],
)  # fmt: skip
def test_pairs_that_differ_only_in_signs_are_kept(tmp_path: Path, first: str, other: str) -> None:
    rows = [{"chosen": first.format(100 + i), "rejected": other.format(100 + i)} for i in range(220)]
    counts = checked(tmp_path, rows, PAIR).report.counts
    assert (counts.skipped, counts.examples) == (0, 220)


def test_pairs_that_only_signs_tell_apart_are_said_to_be_alike_to_a_bag_of_words(tmp_path: Path) -> None:
    rows = [{"chosen": f"x = -{i}", "rejected": f"x = {i}"} for i in range(1, 221)]
    assert any("bag of words cannot tell" in warning for warning in checked(tmp_path, rows, PAIR).report.warnings)


def test_equal_pairs_that_are_left_out_are_said(tmp_path: Path) -> None:
    rows = [{"chosen": f"yes {i}", "rejected": f"no {i}"} for i in range(220)] + [
        {"chosen": f"a {i}", "rejected": f"A {i}"} for i in range(80)
    ]
    assert any("80 of 300 rows have two equal texts" in warning for warning in checked(tmp_path, rows, PAIR).report.warnings)


def test_one_text_composed_and_decomposed_is_one_text(tmp_path: Path) -> None:
    rows = [{"text": f"caf{e} number {i}", "label": i % 2} for i in range(150) for e in ("é", "e\u0301")]
    report = checked(tmp_path, rows, LABELLED).report
    assert (report.counts.copies, report.groups) == (150, 150)


def test_texts_without_words_are_said_to_be_nothing_to_a_bag_of_words() -> None:
    texts = [("== != >=" * (1 + i % 3),) for i in range(100)]
    assert any("sees nothing of 100 of 100" in warning for warning in warnings(texts, np.arange(100, dtype=np.int8) % 2))


def test_plain_texts_give_no_warning() -> None:
    texts = [(f"a story about the number {i} and more",) for i in range(100)]
    assert warnings(texts, np.arange(100, dtype=np.int8) % 2) == ()


@pytest.mark.parametrize("text", ["TCK-00123", "ticket 17", "4711", "user_93", "3f2504e0-4f89-11d3-9a0c-0305e82c3301", "#42"])
def test_ids_look_like_ids(text: str) -> None:
    assert is_id(text)


@pytest.mark.parametrize("text", ["great", "I paid 20 dollars", "天地玄黄3", "Don't buy this in 2024!", "so good", ""])
def test_texts_do_not_look_like_ids(text: str) -> None:
    assert not is_id(text)


def test_a_report_warns_when_texts_look_like_ids(tmp_path: Path) -> None:
    rows = [{"text": f"TCK-{i:05}", "label": i % 2} for i in range(200)]
    assert any("look like ids, such as “TCK-" in warning for warning in checked(tmp_path, rows, LABELLED).report.warnings)
