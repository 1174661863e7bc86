import json
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.factories.artifacts import predictions, trajectory
from tests.factories.runs import make_run
from training.storage.artifacts import Store
from training.storage.atomic import atomic
from training.storage.columns import column_of
from training.storage.predictions import Predictions, Trajectory
from training.storage.probabilities import drawn


def test_predictions_read_back_as_they_were_written(tmp_path: Path) -> None:
    store = Store(tmp_path)
    assert not store.finished("key")
    store.write_predictions("key", predictions())
    assert store.finished("key")
    for field in fields(Predictions):
        np.testing.assert_array_equal(getattr(store.read_predictions("key"), field.name), getattr(predictions(), field.name))


def three_classes() -> Predictions:
    """Return probabilities whose second entry is undecided between the first two classes, and whose third is wrong."""
    prob = np.array([[0.2, 0.3, 0.5], [0.4, 0.4, 0.2], [0.7, 0.2, 0.1]], np.float32)
    return replace(predictions(), gold=np.array([2, 0, 1], np.int8), prob=prob)


def test_predictions_of_three_classes_read_back_with_a_list_for_each_example(tmp_path: Path) -> None:
    Store(tmp_path).write_predictions("key", three_classes())
    predictions = Store(tmp_path).read_predictions("key")
    assert (predictions.prob.dtype.name, predictions.classes) == ("float32", 3)
    np.testing.assert_array_equal(predictions.prob, three_classes().prob)
    schema = pq.read_schema(tmp_path / "runs" / "key" / "predictions.parquet")
    assert str(schema.field("prob").type) == "fixed_size_list<element: float>[3]"


def test_the_label_is_the_most_probable_class_and_the_first_of_equal_ones() -> None:
    assert three_classes().label.tolist() == [2, 0, 0]
    assert three_classes().right.tolist() == [True, True, False]


def test_a_part_has_the_entries_of_its_split() -> None:
    assert predictions().part("test").id.tolist() == [3, 9]


def test_one_half_is_not_above_one_half() -> None:
    assert predictions().label.tolist() == [1, 0, 0]


def test_examples_are_read_in_the_order_in_which_they_are_asked_for_from_whatever_row_groups(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("training.storage.artifacts.ROW_GROUP", 1)
    Store(tmp_path).write_predictions("key", three_classes())
    written = three_classes()
    backwards = [*written.id[::-1].tolist(), 1_000_000]
    predictions = Store(tmp_path).read_examples("key", backwards)
    assert predictions.id.tolist() == backwards[:-1]
    np.testing.assert_array_equal(predictions.prob, written.prob[::-1])
    assert len(Store(tmp_path).read_examples("key", [1_000_000]).id) == 0


def test_a_failed_write_leaves_what_was_there_and_nothing_else(tmp_path: Path) -> None:
    target = tmp_path / "file"
    target.write_text("old")

    def fail() -> None:
        with atomic(target) as path:
            path.write_text("half of the n")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_a_trajectory_reads_back_as_it_was_written(tmp_path: Path) -> None:
    Store(tmp_path).write_trajectory("key", trajectory())
    actual = Store(tmp_path).read_trajectory("key")
    assert actual.labels is None
    for field in fields(Trajectory)[:-1]:
        np.testing.assert_array_equal(getattr(actual, field.name), getattr(trajectory(), field.name))
    assert [array.dtype.name for array in (actual.prob, actual.steps, actual.id)] == ["float32", "int64", "int64"]


def test_a_trajectory_of_three_classes_keeps_the_label_and_the_probability_of_the_truth(tmp_path: Path) -> None:
    prob = np.random.default_rng(0).dirichlet([1, 1, 1], (4, 3)).astype(np.float32)
    gold = prob[2].argmax(axis=1).astype(np.int8)
    of_gold = np.stack([drawn(each, gold) for each in prob])
    labels = prob.argmax(axis=2).astype(np.int8)
    Store(tmp_path).write_trajectory("key", replace(trajectory(), prob=of_gold, labels=labels))
    actual = Store(tmp_path).read_trajectory("key")
    np.testing.assert_array_equal(actual.prob, of_gold)
    np.testing.assert_array_equal(actual.label, labels)
    assert actual.label.dtype == np.int8
    assert (actual.accuracy(8, gold), actual.at(8).tolist()) == (1.0, prob[2].max(axis=1).tolist())
    assert actual.hindsight(gold) == 8
    path = Store(tmp_path).read_path("key", 5)
    assert path is not None
    assert (path.label[:, 0].tolist(), path.prob[:, 0].tolist()) == (labels[:, 1].tolist(), of_gold[:, 1].tolist())


def test_a_trajectory_of_an_earlier_version_with_all_probabilities_is_read_as_one_of_this_version(tmp_path: Path) -> None:
    prob = np.random.default_rng(0).dirichlet([1, 1, 1], (4, 3)).astype(np.float32)
    store, about = Store(tmp_path), trajectory()
    known = Predictions(
        id=np.sort(about.id), split=np.full(3, "test"), group=np.zeros(3, int), gold=np.array([2, 0, 1], np.int8), prob=prob[0]
    )
    store.write_predictions("key", known)
    words = {"steps": about.steps.tolist(), "selected": about.selected, "validation": about.validation.tolist()}
    table = pa.table({"id": about.id, "prob": column_of(np.ascontiguousarray(np.swapaxes(prob, 0, 1)))})
    with store.writing(store.run("key") / "trajectory.parquet") as path:
        pq.write_table(table.replace_schema_metadata({"trajectory": json.dumps(words)}), path)
    actual = store.read_trajectory("key")
    gold = np.array([1, 2, 0])  # of the ids 7, 5 and 6, in this order
    np.testing.assert_array_equal(actual.prob, prob[:, np.arange(3), gold])
    np.testing.assert_array_equal(actual.label, prob.argmax(axis=2))
    course = store.read_path("key", 6)
    assert course is not None
    np.testing.assert_array_equal(course.prob[:, 0], prob[:, 2, 0])


def test_hindsight_is_the_earliest_step_that_is_best_on_the_test_set_the_untrained_model_aside() -> None:
    written = trajectory()
    assert written.hindsight(np.array([0, 0, 0], np.int8)) == 4  # the untrained model would be right on all
    assert written.hindsight(np.array([1, 1, 0], np.int8)) == 8
    assert written.hindsight(np.array([1, 1, 1], np.int8)) == 8
    assert written.hindsight(np.array([1, 0, 0], np.int8)) == 9


def test_a_trajectory_tells_accuracies_and_probabilities_by_step() -> None:
    written = trajectory()
    assert written.last == 9
    assert written.at(8).tolist() == written.prob[2].tolist()
    assert written.accuracy(8, np.array([1, 1, 1], np.int8)) == pytest.approx(2 / 3)


def test_sweeping_takes_what_killed_writers_left_and_what_is_named(tmp_path: Path) -> None:
    store = Store(tmp_path)
    for name in (".checkpoint.bin.x7", "checkpoint.bin", "best-3.safetensors", "weights.safetensors"):
        store.run("key").mkdir(parents=True, exist_ok=True)
        (store.run("key") / name).touch()
    store.sweep("key")
    assert {path.name for path in store.run("key").iterdir()} == {"checkpoint.bin", "best-3.safetensors", "weights.safetensors"}
    store.sweep("key", "best-*")
    assert {path.name for path in store.run("key").iterdir()} == {"checkpoint.bin", "weights.safetensors"}


def test_a_finished_run_is_found_by_the_beginning_of_its_key_if_that_is_enough(tmp_path: Path) -> None:
    store, runs = Store(tmp_path), [make_run(seed=seed) for seed in range(17)]
    for run in runs[:-1]:
        store.write_run(run)
        store.write_predictions(run.key(), predictions())
    store.write_run(runs[-1])  # which has not finished
    assert store.read_run(runs[3].key()) == runs[3]
    assert store.read_run(runs[3].key()[:12]) == runs[3]
    for wrong in (runs[-1].key(), "", "*", "no-such-run"):
        with pytest.raises(LookupError, match="No finished runs"):
            store.read_run(wrong)
    first = [run.key()[0] for run in runs[:-1]]
    shared = next(letter for letter in first if first.count(letter) > 1)
    with pytest.raises(LookupError, match=f"{first.count(shared)} finished runs"):
        store.read_run(shared)
