from typing import Any

import numpy as np
import pytest

from tests.training.conftest import make_run
from training.engine.data.examples import load_examples
from training.engine.data.split import Rows, Split, check_leaks, split_for
from training.engine.errors import CorruptData
from training.spec import RunSpec


@pytest.fixture(scope="module")
def group() -> Rows:
    """Of 3,000 rows, some alone and some in groups of up to ten."""
    return np.sort(np.random.default_rng(7).geometric(0.5, 3000).cumsum() // 4)


def split(group: Rows, **changes: Any) -> Split:
    return split_for(make_run(**changes), group)


def test_every_row_is_in_exactly_one_part(group: Rows) -> None:
    parts = split(group)
    assert sorted(np.concatenate([parts.a, parts.b, parts.test])) == list(range(len(group)))


def test_no_group_is_in_two_parts(group: Rows) -> None:
    parts = split(group)
    a, b, test = (set(group[rows]) for rows in (parts.a, parts.b, parts.test))
    assert len(a | b | test) == len(a) + len(b) + len(test)


def test_the_test_set_is_about_its_share_and_the_halves_about_equal(group: Rows) -> None:
    parts, largest = split(group), np.bincount(group).max()
    assert 0 <= 0.25 * len(group) - len(parts.test) < largest
    assert abs(len(parts.a) - len(parts.b)) <= 2 * largest


def test_the_test_set_is_the_same_for_all_seeds_and_the_halves_are_not(group: Rows) -> None:
    one, other = split(group, seed=0), split(group, seed=1)
    assert one.test.tolist() == other.test.tolist()
    assert one.a.tolist() != other.a.tolist()


def test_another_split_seed_draws_another_test_set(group: Rows) -> None:
    assert split(group).test.tolist() != split(group, split_seed=1).test.tolist()


def test_a_limit_takes_rows_of_the_same_half(group: Rows) -> None:
    whole, limited = split(group), split(group, limit=100)
    assert len(limited.a) == len(limited.b) == 100
    assert set(limited.a) <= set(whole.a)
    assert set(limited.b) <= set(whole.b)
    assert limited.test.tolist() == whole.test.tolist()


def test_a_leak_is_refused() -> None:
    with pytest.raises(CorruptData, match="two parts"):
        check_leaks(Split(np.array([0]), np.array([1]), np.array([2])), np.array([4, 5, 4]))


def test_one_great_group_cannot_be_split() -> None:
    with pytest.raises(CorruptData, match="groups too large"):
        split(np.zeros(50, np.int64))


def test_copies_in_the_embedded_data_never_part() -> None:
    run: RunSpec = make_run()
    examples = load_examples(run.dataset, run.fingerprint)
    check_leaks(split_for(run, examples.group), examples.group)
