"""The kinds of rows by overlap density, held to a search of all cuts by hand."""

import numpy as np
import pytest

from training.engine.targets.overlap import certainty, kinds, similarity, threshold


def searched(values: np.ndarray) -> float:
    """The best cut between two different values, tried one by one."""
    ordered = np.sort(values)
    costs = {
        cut: ((ordered[:cut] - ordered[:cut].mean()) ** 2).sum() + ((ordered[cut:] - ordered[cut:].mean()) ** 2).sum()
        for cut in range(1, len(ordered))
        if ordered[cut] > ordered[cut - 1]
    }
    return float(ordered[min(costs, key=lambda cut: costs[cut]) - 1])


@pytest.mark.parametrize("seed", range(8))
def test_the_change_point_is_the_cut_with_the_least_squares_of_all(seed: int) -> None:
    chance = np.random.default_rng(seed)
    values = chance.choice([chance.normal(size=200), chance.integers(0, 5, 200), chance.beta(0.5, 0.5, 200)][seed % 3], 60)
    assert threshold(values.astype(np.float64)) == searched(values.astype(np.float64))


def test_values_that_do_not_change_are_cut_at_their_median() -> None:
    assert threshold(np.full(5, 0.3)) == 0.3
    assert threshold(np.zeros(0)) == 0.0


def test_rows_are_hard_where_the_supervisor_is_unsure_and_overlap_where_they_are_near_to_those() -> None:
    weak = np.array([0.52, 0.45, 0.95, 0.02, 0.99, 0.05], np.float32)
    along, across = np.array([1, 0], np.float32), np.array([0, 1], np.float32)
    features = np.stack([along, along, 0.9 * along, across, 0.1 * across, 0.8 * along])
    actual = kinds(weak, features)
    assert actual.tolist() == ["hard", "hard", "overlap", "easy", "easy", "overlap"]


def test_where_the_supervisor_is_as_sure_of_all_rows_all_are_hard_and_none_overlap() -> None:
    actual = kinds(np.array([0, 1, 1], np.float32), np.eye(3, dtype=np.float32))
    assert actual.tolist() == ["hard"] * 3


def test_sureness_of_two_classes_is_the_same_however_they_are_written() -> None:
    weak = np.array([0.1, 0.5, 0.8], np.float32)
    both = np.stack([1 - weak, weak], axis=1)
    np.testing.assert_allclose(certainty(weak), np.abs(2 * weak - 1), atol=1e-6)
    np.testing.assert_allclose(certainty(both), certainty(weak), atol=1e-6)
    assert certainty(np.full((1, 4), 0.25, np.float32)).tolist() == [0.0]


def test_the_nearest_of_many_rows_is_found_whatever_the_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    chance = np.random.default_rng(0)
    rows, hard = chance.normal(size=(50, 4)).astype(np.float32), chance.normal(size=(7, 4)).astype(np.float32)
    monkeypatch.setattr("training.engine.targets.overlap.ROWS", 16)
    np.testing.assert_allclose(similarity(rows, hard), (rows @ hard.T).max(axis=1), rtol=1e-6)
