"""A row's part of the split depends on its group and the seeds only."""

from typing import Any

import numpy as np
import pytest

from tests.factories.runs import make_run
from training.engine.data.examples import load_examples
from training.engine.data.split import Half, Rows, Split, check_leaks, draw, split_for
from training.engine.errors import CorruptData
from training.spec import RunSpec


@pytest.fixture(scope="module")
def group() -> Rows:
    """Return groups of 6,000 rows, some alone and some in groups of up to ten; their names are far apart, as hashes are."""
    rng = np.random.default_rng(7)
    names = rng.integers(0, 2**63 - 1, 6000)
    spread: Rows = names[rng.geometric(0.5, 6000).cumsum() // 4 % 6000]
    return spread


def split(group: Rows, **changes: Any) -> Split:
    return split_for(make_run(**changes), group)


def groups(split: Split, group: Rows) -> dict[str, set[int]]:
    return {name: set(group[rows].tolist()) for name, rows in split.parts.items()}


def test_every_row_is_in_exactly_one_part(group: Rows) -> None:
    parts = split(group).parts
    assert sorted(np.concatenate([*parts.values()])) == list(range(len(group)))
    assert all(len(rows) for rows in parts.values())


def test_no_group_is_in_two_parts(group: Rows) -> None:
    parts = groups(split(group), group)
    assert len(set().union(*parts.values())) == sum(map(len, parts.values()))


def test_every_part_is_about_its_share() -> None:
    parts = {name: len(rows) / 20_000 for name, rows in split(np.arange(20_000)).parts.items()}
    expected = {"test": 0.25, "locked": 0.1} | dict.fromkeys(["half A", "half B"], 0.2925)
    expected |= dict.fromkeys(["validation of A", "validation of B"], 0.0325)
    assert parts == pytest.approx(expected, abs=0.012)  # four standard errors of the largest


def test_more_rows_in_another_order_move_no_row(group: Rows) -> None:
    more = np.random.default_rng(8).permutation(np.concatenate([group, np.arange(3000)]))
    before, after = groups(split(group), group), groups(split(more), more)
    assert all(before[name] <= after[name] for name in before)


@pytest.mark.parametrize("changes", [{"model": "minilm-l6"}, {"half": "B"}, {"epochs": 1}, {"max_tokens": 9}, {"stop": "last"}])
def test_neither_model_nor_training_changes_the_split(group: Rows, changes: dict[str, Any]) -> None:
    assert groups(split(group, **changes), group) == groups(split(group), group)


def test_test_and_locked_set_are_the_same_for_all_seeds_and_the_halves_are_not(group: Rows) -> None:
    first, other = split(group, seed=0), split(group, seed=1)
    assert first.test.tolist() == other.test.tolist()
    assert first.locked.tolist() == other.locked.tolist()
    overlap = len(set(first.a.rows) & set(other.a.rows)) / len(first.a.rows)
    assert 0.3 < overlap < 0.7


def test_the_validation_share_is_drawn_by_the_seed_and_not_as_the_halves_are(group: Rows) -> None:
    first, other = split(group, seed=0), split(group, seed=1)
    both = set(first.a.rows) & set(other.a.rows)
    assert both & set(first.a.validation) != both & set(other.a.validation)


def test_another_split_seed_draws_another_test_set(group: Rows) -> None:
    assert split(group).test.tolist() != split(group, split_seed=1).test.tolist()


def test_a_locked_share_takes_nothing_from_the_test_set(group: Rows) -> None:
    none = split(group, locked_fraction=0.0)
    assert len(none.locked) == 0
    assert none.test.tolist() == split(group).test.tolist()


def test_equal_seeds_of_two_draws_have_nothing_to_do_with_each_other(group: Rows) -> None:
    first, other = (draw(np.arange(20_000), 3, stream) for stream in (0, 1))
    assert abs(np.corrcoef(first, other)[0, 1]) < 0.03
    assert abs(first.mean() - 0.5) < 0.01
    assert first.min() >= 0
    assert first.max() < 1


def test_a_draw_is_the_same_in_every_version_and_on_every_machine() -> None:
    """The numbers are from Python's whole numbers, taken modulo 2^64."""
    assert draw(np.array([0, 1, 2**62, -1]), 7, 2).tolist() == PINNED


PINNED = [0.3312158278176457, 0.12859884862445814, 0.8457656246274173, 0.9377049170167558]


def test_a_limit_takes_rows_of_the_same_half(group: Rows) -> None:
    whole, limited = split(group), split(group, limit=100)
    for half, all_of_it in ((limited.a, whole.a), (limited.b, whole.b)):
        assert len(half.rows) == 100
        assert set(half.train) <= set(all_of_it.train)
        assert set(half.validation) <= set(all_of_it.validation)
    assert limited.test.tolist() == whole.test.tolist()


def test_a_smaller_limit_takes_a_part_of_what_a_larger_one_takes(group: Rows) -> None:
    assert set(split(group, limit=100).a.train) <= set(split(group, limit=200).a.train)


def test_a_leak_is_refused() -> None:
    none = np.array([], np.int64)
    leaky = Split(Half(np.array([0]), none), Half(np.array([1]), np.array([2])), np.array([3]), none)
    check_leaks(leaky, np.array([4, 5, 6, 7]))
    with pytest.raises(CorruptData, match="two parts"):
        check_leaks(leaky, np.array([4, 5, 6, 4]))
    with pytest.raises(CorruptData, match="two parts"):
        check_leaks(leaky, np.array([4, 5, 5, 7]))


def test_one_great_group_cannot_be_split() -> None:
    with pytest.raises(CorruptData, match="groups too large"):
        split(np.zeros(50, np.int64))


def test_a_stop_rule_without_validation_rows_is_refused_with_advice(group: Rows) -> None:
    with pytest.raises(CorruptData, match="Half A has no validation rows"):
        split(group, validation_fraction=0.0)
    assert len(split(group, validation_fraction=0.0, stop="last").a.validation) == 0


def test_copies_in_the_embedded_data_never_part() -> None:
    run: RunSpec = make_run()
    examples = load_examples(run.dataset, run.fingerprint)
    check_leaks(split_for(run, examples.group), examples.group)


def test_an_empty_half_a_gives_all_its_rows_to_half_b_and_moves_no_test_row(group: Rows) -> None:
    usual, whole = split(group), split(group, half="B", half_a_fraction=0)
    assert not len(whole.a.rows)
    np.testing.assert_array_equal(whole.b.rows, np.sort(np.concatenate([usual.a.rows, usual.b.rows])))
    for name in ("test", "locked"):
        np.testing.assert_array_equal(whole.parts[name], usual.parts[name])


def test_a_larger_half_a_contains_a_smaller_one(group: Rows) -> None:
    small, large = (split(group, half_a_fraction=share).a.rows for share in (0.2, 0.7))
    assert set(small.tolist()) < set(large.tolist())
    assert len(large) / len(split(group, half="B", half_a_fraction=0).b.rows) == pytest.approx(0.7, abs=0.03)
