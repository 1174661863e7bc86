"""Gain against misfit."""

from tests.factories.result_groups import colours, values
from training.metrics.diagnostics import Point
from webapp.charts.misfit import Students, misfit_chart
from webapp.charts.styles import KINDS

POINTS = [Point(0, 0.03, 0.02), Point(1, -0.01, 0.04)]


def test_each_seed_has_a_point_beside_the_line_on_which_both_are_equal() -> None:
    spec = misfit_chart([Students("Student, naive", KINDS["naive"], POINTS)], "Gain", "Misfit")
    assert [(row["seed"], row["misfit"], row["gain"]) for row in values(spec, "seed")] == [(0, 0.02, 0.03), (1, 0.04, -0.01)]
    assert values(spec, "seed")[0]["about"].splitlines() == ["Student, naive", "gain .030", "misfit .020", "seed 0"]
    assert all(row["gain"] == row["misfit"] for row in values(spec, "gain") if "seed" not in row)
    assert "var(--naive)" in colours(spec)


def test_no_point_lies_outside_and_the_words_count_those_above_the_line() -> None:
    spec = misfit_chart([Students("Student, naive", KINDS["naive"], POINTS)], "Gain", "Misfit")
    low, high = spec["layer"][0]["encoding"]["y"]["scale"]["domain"]
    assert low < -0.01
    assert high > 0.044
    assert "mean gain .010, mean misfit .030, 1 of 2 on or above y = x" in spec["description"]
