from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest

from training.artifacts import Predictions, Store, atomic


def predictions() -> Predictions:
    return Predictions(
        id=np.array([5, 3, 9]),
        split=np.array(["transfer", "test", "test"]),
        group=np.array([0, 1, 1]),
        gold=np.array([1, 0, 1], np.int8),
        prob=np.array([0.9, 0.5, 0.25], np.float32),
    )


def test_predictions_read_back_as_they_were_written(tmp_path: Path) -> None:
    store = Store(tmp_path)
    assert not store.finished("key")
    store.write_predictions("key", predictions())
    assert store.finished("key")
    for field in fields(Predictions):
        np.testing.assert_array_equal(getattr(store.read_predictions("key"), field.name), getattr(predictions(), field.name))


def test_a_part_has_the_entries_of_its_split() -> None:
    assert predictions().part("test").id.tolist() == [3, 9]


def test_one_half_is_not_above_one_half() -> None:
    assert predictions().label.tolist() == [1, 0, 0]


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
