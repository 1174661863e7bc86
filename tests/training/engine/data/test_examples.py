from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.factories.datasets import card
from training import catalog
from training.answers import AnswerRule
from training.catalog import library
from training.engine.data.examples import from_table, load_examples
from training.engine.errors import CorruptData, NoLabels


def table(**changes: list[object]) -> pa.Table:
    return pa.table({"id": [7, 8, 9], "text": ["a", "b", "c"], "label": [0, 1, 1], "group": ["x", "y", "x"], **changes})


def test_groups_become_numbers_that_are_equal_where_the_groups_are() -> None:
    x, y, z = from_table(table()).group.tolist()
    assert x == z != y


def test_the_number_of_a_group_does_not_depend_on_the_other_rows() -> None:
    whole, part = from_table(table()), from_table(table().slice(1))
    assert part.group.tolist() == whole.group.tolist()[1:]


def test_groups_that_are_numbers_stay_as_they_were_stored() -> None:
    assert from_table(table(group=[2**62, -3, 5])).group.tolist() == [2**62, -3, 5]


def test_the_embedded_data_set_loads_whole_and_nearly_balanced() -> None:
    entry = catalog.dataset("movie-reviews")
    examples = load_examples(entry.name, entry.digest)
    assert len(examples) == entry.rows
    assert 0.45 < examples.label.mean() < 0.55


def test_a_data_set_that_is_not_the_planned_one_is_refused() -> None:
    with pytest.raises(CorruptData, match=r"movie_reviews\.parquet is not the data set of this run"):
        load_examples("movie-reviews", "0" * 64)


def test_an_id_must_be_unique() -> None:
    with pytest.raises(CorruptData, match="same id"):
        from_table(table(id=[7, 7, 9]))


@pytest.mark.parametrize(("label", "classes"), [([0, 1, 1], 2), ([0, 0, 0], 2), ([2, 0, 1], 3)])
def test_there_are_as_many_classes_as_labels_and_two_at_least(label: list[object], classes: int) -> None:
    assert from_table(table(label=label)).classes == classes


@pytest.mark.parametrize("label", [[0, 2, 2], [-1, 0, 1], [1, 2, 3]])
def test_labels_count_from_zero_without_a_gap(label: list[object]) -> None:
    with pytest.raises(CorruptData, match="not 0, 1 and so on, without a gap"):
        from_table(table(label=label))


def test_more_classes_than_can_be_told_apart_are_refused() -> None:
    numbers = list(range(1001))
    with pytest.raises(CorruptData, match="1001 classes, and at most 1000"):
        from_table(pa.table({"id": numbers, "text": ["a"] * 1001, "label": numbers, "group": numbers}))


def test_preferences_have_two_classes() -> None:
    with pytest.raises(CorruptData, match="Pairs of texts have two classes"):
        from_table(table(text_b=["d", "e", "f"], label=[0, 1, 2]))


def written(**changes: list[object]) -> pa.Table:
    return pa.table({"id": [7, 8], "text": ["1 + 1", "2 + 2"], "answers": [["2", "two"], ["4"]], "group": [5, 6], **changes})


def test_a_generative_data_set_has_prompts_answers_and_difficulty(dataset_library: Path) -> None:
    pq.write_table(written(difficulty=[1.0, 2.5], theme=["sums", "sums"]), dataset_library / "new.parquet")
    library.put(card("sums", classes=(), answers=AnswerRule(extract="number")), dataset_library / "new.parquet")
    entry = catalog.dataset("sums")
    assert (entry.task, entry.classes, entry.answers) == ("generative", (), AnswerRule(extract="number"))

    with pq.ParquetFile(entry.path) as file:
        examples = from_table(file.read())
    assert examples.answers is not None
    assert examples.difficulty is not None
    assert (examples.text.to_pylist(), examples.answers.to_pylist()) == (["1 + 1", "2 + 2"], [["2", "two"], ["4"]])
    assert examples.difficulty.tolist() == [1.0, 2.5]


def test_labels_of_a_generative_data_set_are_refused_in_a_sentence() -> None:
    examples = from_table(written())
    for name in ("label", "classes"):
        with pytest.raises(NoLabels, match="This data set has written answers and no labels"):
            getattr(examples, name)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"answers": [["2"], []]}, "A row of the data set has no answer"),
        ({"answers": [["2"], None]}, "A row of the data set has no answer"),
        ({"answers": [["2"], ["4", " "]]}, "An answer of the data set is empty"),
        ({"answers": [["2"], ["4", None]]}, "An answer of the data set is empty"),
        ({"difficulty": [1.0, None]}, "difficulty of a row is missing"),
        ({"difficulty": [1.0, float("inf")]}, "difficulty of a row is missing"),
        ({"label": [0, 1]}, "either labels or written answers"),
    ],
)
def test_answers_that_break_the_format_are_refused(changes: dict[str, list[object]], sentence: str) -> None:
    with pytest.raises(CorruptData, match=sentence):
        from_table(written(**changes))


def test_a_data_set_has_labels_or_answers() -> None:
    with pytest.raises(CorruptData, match="either labels or written answers"):
        from_table(table().drop_columns("label"))
