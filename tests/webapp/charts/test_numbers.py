"""The format of numbers."""

import pytest

from training.metrics.intervals import Estimate
from webapp.charts.numbers import points, points_interval, rate, rate_interval


@pytest.mark.parametrize(
    ("value", "text"), [(0.7184, ".718"), (1.2, "1.200"), (-0.05, "−.050"), (0.0, ".000"), (-0.0001, ".000")]
)
def test_a_rate_has_no_leading_zero_and_a_true_minus(value: float, text: str) -> None:
    assert rate(value) == text


@pytest.mark.parametrize(("value", "text"), [(0.047, "+4.7"), (-0.08, "−8.0"), (0.0002, "0.0"), (-0.0002, "0.0")])
def test_points_carry_a_sign_except_zero(value: float, text: str) -> None:
    assert points(value) == text


def test_an_interval_names_ends_that_are_not_finite() -> None:
    assert rate_interval(Estimate(value=0.4, low=None, high=None), 2) == "[−∞, ∞]"
    assert rate_interval(Estimate(value=0.4, low=-0.1, high=0.9), 2) == "[−.10, .90]"
    assert points_interval(Estimate(value=0.04, low=-0.003, high=0.045)) == "[−0.3, 4.5]"
