import numpy as np
import pytest

from training.engine.schedule import batches, evenly, lr_factor, steps_per_epoch


@pytest.mark.parametrize(("examples", "sizes"), [(64, [32, 32]), (65, [32, 33]), (66, [32, 32, 2]), (5, [5]), (33, [33])])
def test_a_last_batch_of_one_joins_the_batch_before(examples: int, sizes: list[int]) -> None:
    assert [len(batch) for batch in batches(examples, 32, 0, 0)] == sizes
    assert steps_per_epoch(examples, 32) == len(sizes)


def test_an_epoch_sees_every_example_once() -> None:
    assert sorted(np.concatenate(batches(100, 7, 3, 4))) == list(range(100))


def test_the_order_is_fixed_by_seed_and_epoch_and_differs_between_them() -> None:
    orders = {name: np.concatenate(batches(50, 8, *name)).tolist() for name in [(0, 0), (0, 1), (1, 0)]}
    assert np.concatenate(batches(50, 8, 0, 0)).tolist() == orders[0, 0]
    assert orders[0, 0] != orders[0, 1]
    assert orders[0, 1] != orders[1, 0]


@pytest.mark.parametrize(("schedule", "half", "end"), [("constant", 1, 1), ("linear", 0.5, 0), ("cosine", 0.5, 0)])
def test_learning_rates_start_full_and_end_where_they_should(schedule: str, half: float, end: float) -> None:
    assert [lr_factor(schedule, progress) for progress in (0, 0.5, 1)] == pytest.approx([1, half, end])  # type: ignore[arg-type]


def test_steps_are_evenly_spaced_and_end_with_the_last() -> None:
    assert evenly(4, 100) == {25, 50, 75, 100}


def test_a_short_run_has_no_more_steps_to_log_than_it_has() -> None:
    assert evenly(50, 3) == {1, 2, 3}
