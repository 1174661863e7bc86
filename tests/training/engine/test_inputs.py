import numpy as np
import pytest
import torch

from training.engine.inputs import Dense, Inputs, Ragged

TEXTS = [[1, 2, 3], [0], [], [4, 0, 5, 6, 7]]


def test_a_batch_pads_to_its_longest_text_and_masks_by_length() -> None:
    ids, mask = Ragged.of(TEXTS, budget=100).batch(np.array([1, 0]))
    # Id 0 is a token like any other: the mask does not take it for padding.
    assert mask.tolist() == [[1, 0, 0], [1, 1, 1]]
    assert ids[mask.bool()].tolist() == [0, 1, 2, 3]


@pytest.mark.parametrize(
    "inputs", [Ragged.of(TEXTS * 5, budget=8), Dense(np.zeros((20, 2), np.float32))], ids=["ragged", "dense"]
)
def test_parts_hold_every_position_once(inputs: Inputs) -> None:
    rows = np.array([19, 3, 3, 7, 0])
    assert sorted(np.concatenate(inputs.parts(rows))) == [0, 1, 2, 3, 4]


def test_a_part_is_within_the_budget_unless_one_text_alone_is_not() -> None:
    inputs = Ragged.of(TEXTS * 5, budget=4)
    rows = np.arange(20)
    for part in inputs.parts(rows):
        assert len(part) == 1 or inputs.batch(rows[part])[0].numel() <= 4


def test_dense_inputs_give_the_rows_asked_for() -> None:
    (batch,) = Dense(np.arange(6, dtype=np.float32).reshape(3, 2)).batch(np.array([2, 0]))
    assert torch.equal(batch, torch.tensor([[4.0, 5.0], [0.0, 1.0]]))
