from pathlib import Path

import pytest
import torch

from training.engine.checkpoint import Checkpoint, SelectionState, load, save


def checkpoint() -> Checkpoint:
    selection = SelectionState(steps=[0, 2], prob=[torch.ones(3), torch.zeros(3)], validation=[0.5, 0.75], best=2, weights=None)
    model = {"w": torch.arange(100.0)}
    return Checkpoint(step=3, evaluated=2, loss_sum=0.1, loss_count=7, model=model, optimiser={"state": {}}, selection=selection)


def test_a_checkpoint_reads_back_as_it_was_saved(tmp_path: Path) -> None:
    save(tmp_path / "file", checkpoint())
    actual = load(tmp_path / "file")
    assert actual is not None
    assert torch.equal(actual.pop("model")["w"], torch.arange(100.0))  # type: ignore[misc]
    seen = actual.pop("selection")  # type: ignore[misc]
    assert torch.equal(torch.stack(seen.pop("prob")), torch.tensor([[1.0] * 3, [0.0] * 3]))  # type: ignore[misc]
    assert seen == {"steps": [0, 2], "validation": [0.5, 0.75], "best": 2, "weights": None}
    assert actual == {"step": 3, "evaluated": 2, "loss_sum": 0.1, "loss_count": 7, "optimiser": {"state": {}}}


def test_no_checkpoint_is_none(tmp_path: Path) -> None:
    assert load(tmp_path / "file") is None


@pytest.mark.parametrize("position", [0, 100, -1])
def test_one_changed_byte_anywhere_voids_it_with_a_line_in_the_log(
    tmp_path: Path, position: int, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "file"
    save(path, checkpoint())
    content = bytearray(path.read_bytes())
    content[position] ^= 1
    path.write_bytes(content)
    assert load(path) is None
    assert "damaged" in caplog.text


@pytest.mark.parametrize("length", [0, 10, 500])
def test_a_checkpoint_cut_short_is_void(tmp_path: Path, length: int) -> None:
    path = tmp_path / "file"
    save(path, checkpoint())
    path.write_bytes(path.read_bytes()[:length])
    assert load(path) is None
