"""Labels beside a plot never overlap."""

from itertools import pairwise

import pytest

from webapp.charts.labels import spread


@pytest.mark.parametrize("number", range(2, 13))
@pytest.mark.parametrize("apart", [0.0, 1.0, 3.0, 40.0])
@pytest.mark.parametrize("first", [0.0, 100.0, 260.0])
def test_two_labels_are_never_nearer_than_their_height(number: int, apart: float, first: float) -> None:
    middles = spread([first + apart * index for index in range(number)], 14, 260)
    assert min(after - before for before, after in pairwise(sorted(middles))) >= 14 - 1e-9
    assert min(middles) >= 7 - 1e-9
    assert max(middles) <= 253 + 1e-9 or 14 * number > 260


def test_a_label_without_neighbours_is_at_its_line() -> None:
    assert spread([200.0, 20.0, 100.0], 14, 260) == [200.0, 20.0, 100.0]


def test_labels_of_the_same_position_are_spread_around_it() -> None:
    assert spread([100.0, 100.0, 100.0], 14, 260) == [86.0, 100.0, 114.0]
