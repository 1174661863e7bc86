from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest
import torch

from training.engine.models.inputs import Dense, Inputs, Pairs, Ragged, cuts, full

TEXTS = [[1, 2, 3], [0], [], [4, 0, 5, 6, 7]]


def test_a_batch_pads_to_its_longest_text_and_masks_by_length() -> None:
    ids, mask = Ragged.of(TEXTS, budget=100).batch(np.array([1, 0]))
    # Id 0 is a token like any other: the mask does not take it for padding.
    assert mask.tolist() == [[1, 0, 0], [1, 1, 1]]
    assert ids[mask.bool()].tolist() == [0, 1, 2, 3]


RAGGED = Ragged.of(TEXTS * 5, budget=8)
PAIRS = Pairs(RAGGED, Ragged.of(TEXTS[::-1] * 5, budget=8))


@pytest.mark.parametrize("inputs", [RAGGED, Dense(np.zeros((20, 2), np.float32)), PAIRS], ids=["ragged", "dense", "pairs"])
def test_parts_hold_every_position_once(inputs: Inputs) -> None:
    rows = np.array([19, 3, 3, 7, 0])
    assert sorted(np.concatenate(inputs.parts(rows))) == [0, 1, 2, 3, 4]


def test_a_part_is_within_the_budget_unless_one_text_alone_is_not() -> None:
    inputs = Ragged.of(TEXTS * 5, budget=4)
    rows = np.arange(20)
    for part in inputs.parts(rows):
        assert len(part) == 1 or inputs.batch(rows[part])[0].numel() <= 4


@pytest.mark.parametrize("overhead", [0, 3, 10, 1000])
def test_cuts_give_the_least_padding_and_parts_of_all_ways_to_cut(overhead: int) -> None:
    lengths = np.sort(np.random.default_rng(overhead).integers(1, 15, 9))

    def cost(where: Sequence[int]) -> int:
        return sum(len(part) * int(part[-1]) + overhead for part in np.split(lengths, where))

    every = [where for count in range(9) for where in combinations(range(1, 9), count)]
    assert cost(cuts(lengths, overhead).tolist()) == min(map(cost, every))


def test_a_batch_goes_together_as_long_as_its_parts_are_within_the_budget() -> None:
    rows = np.array([0, 3])
    assert Ragged.of(TEXTS, budget=8, overhead=0).together(rows)
    assert not Ragged.of(TEXTS, budget=7, overhead=0).together(rows)


def test_packed_inputs_count_their_tokens_without_padding() -> None:
    packed = replace(Ragged.of(TEXTS * 5, budget=9), packed=True)
    rows = np.arange(4)
    assert packed.together(rows[:3]), "5 tokens, 9 places with padding"
    assert not packed.together(np.array([0, 3, 0])), "11 tokens"
    for part in packed.parts(np.arange(20)):
        assert sum(max(1, len(TEXTS[place % 4])) for place in part) <= 9
    assert len(packed.parts(rows[:3])) == 1
    assert [len(part) for part in packed.parts(np.arange(20))] == [9, 3, 3, 1, 1, 1, 1, 1], "by length: 1 ten times, 3, 5"


def test_a_row_longer_than_the_budget_is_a_part_by_itself() -> None:
    assert full(np.array([2, 3, 9, 9, 1]), budget=5) == [2, 3, 4]


def test_dense_inputs_give_the_rows_asked_for() -> None:
    (batch,) = Dense(np.arange(6, dtype=np.float32).reshape(3, 2)).batch(np.array([2, 0]))
    assert torch.equal(batch, torch.tensor([[4.0, 5.0], [0.0, 1.0]]))


def test_a_batch_of_pairs_is_that_of_the_first_texts_and_then_that_of_the_second_ones() -> None:
    rows = np.array([3, 0])
    batch = PAIRS.batch(rows)
    expected = (*PAIRS.first.batch(rows), *PAIRS.second.batch(rows))
    assert len(batch) == 4
    assert all(torch.equal(part, other) for part, other in zip(batch, expected, strict=True))


def test_pairs_use_the_ids_of_both_sides() -> None:
    rows = np.array([0])
    first, second = PAIRS.first.used(rows), PAIRS.second.used(rows)
    assert first is not None
    assert second is not None
    assert set(PAIRS.used(rows).tolist()) == set(first.tolist()) | set(second.tolist())  # type: ignore[union-attr]


def test_a_part_of_pairs_is_within_the_budget_of_either_side() -> None:
    rows = np.arange(20)
    for part in PAIRS.parts(rows):
        assert all(len(part) == 1 or ids.numel() <= 8 for ids in PAIRS.batch(rows[part])[::2])


def test_pairs_are_halved_on_both_sides_until_one_cannot_be() -> None:
    halved = PAIRS.halved()
    assert isinstance(halved, Pairs)
    assert len(halved.parts(np.arange(20))) > len(PAIRS.parts(np.arange(20)))
    assert Pairs(RAGGED, Ragged.of(TEXTS * 5, budget=1)).halved() is None
