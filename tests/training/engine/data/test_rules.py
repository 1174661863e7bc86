"""The rules that make examples a data set, in any order and number of the examples."""

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from tests.factories.source_rows import ROWS, settled
from training.engine.data.families.example import Example, stable
from training.engine.data.rules import apply_rules
from training.engine.errors import CorruptData


def many(ones: int, rows: int = 100) -> list[Example]:
    return [Example(f"text {n}", int(n < ones), f"group {n // 2}") for n in range(rows)]


def test_copies_are_left_out_and_so_is_a_text_with_both_labels() -> None:
    given = [
        Example("A b", 1, "x"),
        Example("a  b\u00a0", 1, "y"),
        Example("c", 0, "z"),
        Example("C", 1, "z"),
        Example("d", 0, "w"),
    ]
    rows, counts = settled(given)
    assert sorted(str(row["text"]).lower()[0] for row in rows) == ["a", "d"]
    assert (counts.examples, counts.copies, counts.conflicts, counts.kept) == (5, 1, 2, 2)


def test_punctuation_makes_another_text() -> None:
    assert len(settled([Example("It is.", 1, "x"), Example("It is?", 0, "x")])[0]) == 2


def test_above_55_percent_both_classes_become_equal() -> None:
    rows, counts = settled(many(25))
    assert Counter(row["label"] for row in rows) == {0: 25, 1: 25}
    assert counts.unbalanced == 50


def test_a_little_imbalance_is_left_alone() -> None:
    rows, counts = settled(many(46))
    assert Counter(row["label"] for row in rows) == {0: 54, 1: 46}
    assert counts.unbalanced == 0


def three(*sizes: int) -> list[Example]:
    return [Example(f"text {label} {n}", label, f"group {n}") for label, size in enumerate(sizes) for n in range(size)]


def test_a_class_a_tenth_above_its_share_makes_all_classes_as_small_as_the_rarest(tmp_path: Path) -> None:
    counts = apply_rules(three(50, 30, 20), tmp_path / "uneven", "s", classes=3)
    assert (counts.kept, counts.unbalanced) == (60, 40)
    assert Counter(pq.read_table(tmp_path / "uneven")["label"].to_pylist()) == {0: 20, 1: 20, 2: 20}
    assert apply_rules(three(36, 36, 28), tmp_path / "even", "s", classes=3).kept == 100


def test_each_of_three_classes_is_needed(tmp_path: Path) -> None:
    with pytest.raises(CorruptData, match="Of 50 examples 20 of class 0, 30 of class 1 and 0 of class 2 are left: all classes"):
        apply_rules(three(20, 30), tmp_path / "two", "s", classes=3)


def test_the_seed_draws_what_balancing_leaves_out() -> None:
    first, other, again = (settled(many(25), seed)[0] for seed in ("s", "t", "s"))
    assert first == again != other


def test_of_a_question_as_many_right_as_wrong_answers_stay() -> None:
    given = [Example(f"answer {n}", int(n == 0), "g", "why") for n in range(4)] + [Example("no question", 0, "h")]
    rows, counts = settled(given)
    assert counts.unequal == 2
    assert Counter(row["label"] for row in rows if row["group"] == stable("group", "g")) == {0: 1, 1: 1}


def test_the_file_is_the_same_to_the_byte_whatever_the_order_of_rows(tmp_path: Path) -> None:
    given = [*many(25, 40_000), *many(3)]  # several row groups, and copies
    apply_rules(given, tmp_path / "one", "s")
    apply_rules(given[::-1], tmp_path / "other", "s")
    assert (tmp_path / "one").read_bytes() == (tmp_path / "other").read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["one", "other"]


def test_ids_and_groups_are_hashes_of_text_and_name() -> None:
    rows, _ = settled([Example("Straße, 東京 “x”", 1, "a group"), Example("b", 0, "b")])
    row = next(row for row in rows if row["label"] == 1)
    assert row["id"] == stable("id", "Straße, 東京 “x”", "a group")
    assert row["group"] == stable("group", "a group")


def test_ids_and_groups_are_the_same_in_every_process() -> None:
    code = (
        "import json; from tests.factories.source_rows import ROWS, settled;"
        "from training.engine.data.convert import convert;"
        "print(json.dumps({name: settled(convert(name, ROWS[name]))[0] for name in ('boolq', 'sst2', 'mc_taco')}))"
    )
    other = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    from training.engine.data.convert import convert

    for name, rows in json.loads(other.stdout).items():
        assert rows == settled(convert(name, ROWS[name]))[0]


def test_one_class_alone_is_refused() -> None:
    with pytest.raises(CorruptData, match="0 of class 1 are left: both classes are needed"):
        settled([Example("a", 0, "a")])


def test_nothing_at_all_is_refused() -> None:
    with pytest.raises(CorruptData, match="Of 0 examples 0 of class 0"):
        settled([])
