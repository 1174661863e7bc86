"""Files of labels from outside: what is read, and what is refused with rows and ids."""

import json
import re
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.factories.outside import ABOUT, labels_file, noisy, rows_of, write_csv
from tests.factories.runs import make_run
from training.catalog import outside
from training.engine.data.examples import load_examples
from training.engine.data.outside_checks import add, check_coverage
from training.engine.data.split import split_for
from training.engine.errors import CorruptData
from training.storage.outside_labels import OutsideLabels

DATA = "clear-reviews"


@pytest.fixture(autouse=True)
def library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATASETS_DIR", str(tmp_path / "library"))


def refused(path: Path, **options: object) -> str:
    with pytest.raises(CorruptData) as error:
        add([path], DATA, ABOUT, "supervisor", **options)  # type: ignore[arg-type]
    assert not outside.cards(), "nothing is stored"
    return str(error.value)


def test_a_file_with_3_missing_2_doubled_and_1_unknown_id_names_them(tmp_path: Path) -> None:
    rows = list(zip(*noisy(DATA), strict=True))
    missing, doubled = [row[0] for row in rows[10:13]], [rows[0], rows[5]]
    shortened = rows[:10] + rows[13:]
    sentence = refused(write_csv(tmp_path / "bad.csv", ["id", "probability"], [*shortened, *doubled, (999_999, 0.5)]))
    first, second, last = len(shortened) + 1, len(shortened) + 2, len(shortened) + 3
    assert f"2 ids are doubled: {rows[0][0]} (rows 1 and {first}) and {rows[5][0]} (rows 6 and {second})." in sentence
    assert f"1 id is not in the data set: 999999 (row {last})." in sentence
    assert f"3 ids are missing: {missing[0]}, {missing[1]} and {missing[2]}." in sentence


@pytest.mark.parametrize(
    ("columns", "value", "sentence"),
    [
        (["probability"], ["1.5"], "Not a probability between 0 and 1: row 1 (id {id}, 1.5)."),
        (["probability"], ["nan"], "Not a probability between 0 and 1: row 1 (id {id}, nan)."),
        (["probability"], ["often"], "Not a number: row 1 (id {id}, “often”)."),
        (["probability_0", "probability_1"], ["0.7", "0.7"], "Probabilities that do not sum to one: row 1 (id {id}, 1.4)."),
        (["label"], ["perhaps"], "Not a label of the data set: row 1 (id {id}, “perhaps”)."),
    ],
)
def test_a_wrong_value_is_named_with_its_row_and_id(tmp_path: Path, columns: list[str], value: list[str], sentence: str) -> None:
    ids, _, _ = rows_of(DATA)
    good = {"probability": "0.4", "probability_0": "0.6", "probability_1": "0.4", "label": "0"}
    rows = [[ids[0], *value], *([example, *(good[name] for name in columns)] for example in ids[1:])]
    assert sentence.format(id=ids[0]) in refused(write_csv(tmp_path / "bad.csv", ["id", *columns], rows))


def test_labels_that_equal_the_truth_are_refused(tmp_path: Path) -> None:
    ids, truth, _ = rows_of(DATA)
    sentence = refused(write_csv(tmp_path / "truth.csv", ["id", "label"], zip(ids, truth, strict=True)))
    assert sentence.startswith(f"All {len(ids)} labels equal the truth")


def test_a_file_without_the_columns_is_refused_with_those_that_it_has(tmp_path: Path) -> None:
    assert refused(write_csv(tmp_path / "a.csv", ["key", "label"], [(1, 0)])) == "There is no column “id”. There are: key, label."
    assert "There are: id, score." in refused(write_csv(tmp_path / "b.csv", ["id", "score"], [(1, 0)]))


def test_every_format_of_the_same_labels_has_the_same_content(tmp_path: Path) -> None:
    ids, prob = noisy(DATA)
    labels_file(tmp_path / "a.csv", DATA)
    with (tmp_path / "b.jsonl").open("w") as lines:
        lines.writelines(json.dumps({"id": i, "probability": p, "note": "x"}) + "\n" for i, p in zip(ids, prob, strict=True))
    backwards = pa.table({"probability": [[1 - p, p] for p in prob[::-1]], "id": ids[::-1]})
    pq.write_table(backwards, tmp_path / "c.parquet")
    several = [(i, 1 - p, p) for i, p in zip(ids, prob, strict=True)]
    write_csv(tmp_path / "d.csv", ["id", "probability_0", "probability_1"], several)
    names = ("a.csv", "b.jsonl", "c.parquet", "d.csv")
    assert len({add([tmp_path / name], DATA, ABOUT, "supervisor").digest for name in names}) == 1
    stored = OutsideLabels.read(outside.file_of(outside.cards()[0].digest))
    rounded = np.array(prob, np.float32).tolist()
    assert dict(zip(stored.id.tolist(), stored.prob.tolist(), strict=True)) == dict(zip(ids, rounded, strict=True))


def test_a_hard_label_may_be_the_meaning_of_a_class(tmp_path: Path) -> None:
    ids, prob = noisy(DATA)
    words = write_csv(
        tmp_path / "a.csv", ["id", "label"], [(i, ["negative", "positive"][p > 0.5]) for i, p in zip(ids, prob, strict=True)]
    )
    numbers = write_csv(tmp_path / "b.csv", ["id", "label"], [(i, int(p > 0.5)) for i, p in zip(ids, prob, strict=True)])
    first, second = (add([path], DATA, ABOUT, "supervisor") for path in (words, numbers))
    assert first.digest == second.digest
    assert first.hard


def test_a_class_that_is_hardly_ever_given_is_a_warning(tmp_path: Path) -> None:
    ids, _, _ = rows_of(DATA)
    card = add([write_csv(tmp_path / "a.csv", ["id", "label"], [(i, 1) for i in ids])], DATA, ABOUT, "supervisor")
    assert card.warnings[0] == "No label says “negative”."
    assert re.fullmatch(r"“positive” is 100% of the labels and \d\d% of the data set\.", card.warnings[1])


def test_missing_rows_are_a_warning_until_a_run_needs_them(tmp_path: Path) -> None:
    run = make_run(adaptation="given", stop="last")
    examples = load_examples(run.dataset, run.fingerprint)
    split = split_for(run, examples.group)
    rows = list(zip(*noisy(DATA), strict=True))

    def without(example: int) -> Path:
        return write_csv(tmp_path / f"{example}.csv", ["id", "probability"], [row for row in rows if row[0] != example])

    of_a, of_b, of_test = (int(examples.id[part[0]]) for part in (split.a.train, split.b.validation, split.test))
    card = add([without(of_a)], DATA, ABOUT, "supervisor", [run])
    assert card.missing == 1
    assert f"1 id is missing of {len(rows)}: {of_a}." in card.warnings[0]
    for example, part in ((of_b, "half B of seed 0"), (of_test, "the test set")):
        with pytest.raises(CorruptData, match=rf"^1 id is missing in {part}: {example}\.$"):
            add([without(example)], DATA, ABOUT, "supervisor", [run])


def test_file_i_is_for_seed_i_and_a_single_one_for_all(tmp_path: Path) -> None:
    files = [labels_file(tmp_path / f"{seed}.csv", DATA, seed) for seed in range(2)]
    run = make_run(adaptation="given", stop="last")
    examples = load_examples(run.dataset, run.fingerprint)
    both = OutsideLabels.read(outside.file_of(add(files, DATA, ABOUT, "supervisor").digest))
    single = OutsideLabels.read(outside.file_of(add(files[1:], DATA, ABOUT, "supervisor").digest))
    np.testing.assert_array_equal(both.for_seed(1)[1], single.for_seed(7)[1])
    check_coverage(single, run.model_copy(update={"seed": 7}), examples)
    with pytest.raises(CorruptData, match="There are files for 2 seeds, and none for seed 2"):
        check_coverage(both, run.model_copy(update={"seed": 2}), examples)


def test_an_equal_content_keeps_its_first_card_by_name(tmp_path: Path) -> None:
    path = labels_file(tmp_path / "a.csv", DATA)
    first = add([path], DATA, ABOUT, "supervisor")
    again = add([path], DATA, ABOUT.model_copy(update={"source": "somebody else"}), "supervisor")
    assert again == first
