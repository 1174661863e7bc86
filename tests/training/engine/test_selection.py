"""The selected step, and its weights, which exist whenever a checkpoint refers to them."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from tests.factories.runs import make_run
from training.engine.selection import Selection

PROB = np.array([0.25, 0.75], np.float32)


def weights(step: int) -> dict[str, Tensor]:
    return {"w": torch.full((3,), float(step))}


def selection(folder: Path, adaptation: str = "full", **changes: Any) -> Selection:
    return Selection(make_run(adaptation=adaptation, **changes), folder)


def evaluate(chosen: Selection, validation: dict[int, float]) -> Selection:
    for step, accuracy in validation.items():
        chosen.record(step, PROB, accuracy, lambda step=step: weights(step))  # type: ignore[misc]
    return chosen


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def with_checksums(*names: str) -> list[str]:
    return sorted(name + ending for name in names for ending in ("", ".sha256"))


@pytest.mark.parametrize("adaptation", ["full", "lora", "probe", "scratch"])
def test_the_earliest_of_equal_best_steps_is_selected_with_its_weights(adaptation: str, tmp_path: Path) -> None:
    chosen = evaluate(selection(tmp_path, adaptation), {0: 0.9, 5: 0.6, 10: 0.8, 15: 0.8, 20: 0.7})
    assert chosen.selected == 10
    weights = chosen.selected_weights()
    assert weights is not None
    assert weights["w"].tolist() == [10.0] * 3


def test_the_untrained_model_is_never_selected(tmp_path: Path) -> None:
    assert evaluate(selection(tmp_path), {0: 0.9, 5: 0.1}).selected == 5


def test_under_the_rule_last_the_model_keeps_the_weights_that_it_has(tmp_path: Path) -> None:
    chosen = evaluate(selection(tmp_path, stop="last"), {0: 0.5, 5: 0.8, 10: 0.6})
    assert chosen.selected == 10
    assert chosen.selected_weights() is None
    assert files(tmp_path) == []


def test_weights_in_memory_are_a_copy_that_further_training_does_not_change(tmp_path: Path) -> None:
    chosen, live = selection(tmp_path, "probe"), weights(5)
    chosen.record(5, PROB, 0.8, lambda: live)
    live["w"].add_(1)
    assert chosen.selected_weights()["w"].tolist() == [5.0] * 3  # type: ignore[index]


def test_the_weights_of_the_last_checkpoint_stay_until_there_is_a_newer_one(tmp_path: Path) -> None:
    chosen = evaluate(selection(tmp_path), {5: 0.6})
    saved = chosen.state()
    chosen.note_saved()
    evaluate(chosen, {10: 0.7, 15: 0.8})
    assert files(tmp_path) == with_checksums("best-15.safetensors", "best-5.safetensors")
    again = selection(tmp_path)  # after a kill
    assert again.can_restore(saved)
    again.restore(saved)
    assert again.selected_weights()["w"].tolist() == [5.0] * 3  # type: ignore[index]
    assert files(tmp_path) == with_checksums("best-5.safetensors")


def test_a_newer_checkpoint_leaves_one_file(tmp_path: Path) -> None:
    chosen = evaluate(selection(tmp_path), {5: 0.6})
    chosen.note_saved()
    evaluate(chosen, {10: 0.7})
    chosen.note_saved()
    assert files(tmp_path) == with_checksums("best-10.safetensors")


def test_a_checkpoint_whose_weights_are_gone_is_not_gone_on_from(tmp_path: Path) -> None:
    saved = evaluate(selection(tmp_path), {5: 0.6}).state()
    (tmp_path / "best-5.safetensors").unlink()
    assert not selection(tmp_path).can_restore(saved)


def test_what_a_checkpoint_carries_brings_everything_back(tmp_path: Path) -> None:
    chosen = evaluate(selection(tmp_path, "probe"), {0: 0.5, 5: 0.6, 10: 0.4})
    other = selection(tmp_path, "probe")
    other.restore(chosen.state())
    ids = np.array([3, 4])
    before, after = chosen.trajectory(ids), other.trajectory(ids)
    assert (after.selected, after.steps.tolist(), after.validation.tolist()) == (5, [0, 5, 10], [0.5, 0.6, 0.4])
    assert after.prob.tobytes() == before.prob.tobytes()
