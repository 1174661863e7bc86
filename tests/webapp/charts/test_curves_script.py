"""The rows that are drawn of points: means over seeds and bands as numpy and SciPy compute them, smoothing, marks at the axis."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy import stats

from tests.factories.curves import Points, about, drawn, evaluated, run

EVERY = range(0, 101, 10)


def line(*values: float) -> list[tuple[int, float]]:
    """Points at 0, 10, 20 and so on."""
    return [(10 * place, value) for place, value in enumerate(values)]


def noise(seed: int, steps: range = EVERY) -> list[tuple[int, float]]:
    values = np.random.default_rng(seed).normal(0.5, 0.1, len(steps))
    return list(zip(steps, map(float, values), strict=True))


def values(rows: list[dict[str, Any]]) -> list[float]:
    return [row["value"] for row in rows]


BANDS: dict[str, Callable[[Any], tuple[float, float]]] = {
    "t": lambda at: stats.t.interval(0.95, len(at) - 1, np.mean(at), stats.sem(at)),
    "sd": lambda at: (np.mean(at) - np.std(at, ddof=1), np.mean(at) + np.std(at, ddof=1)),
    "se": lambda at: (np.mean(at) - stats.sem(at), np.mean(at) + stats.sem(at)),
    "range": lambda at: (np.min(at), np.max(at)),
}


@pytest.mark.parametrize("band", BANDS)
@pytest.mark.parametrize("seeds", [2, 5])
def test_the_line_is_the_mean_over_seeds_and_the_band_what_was_chosen(band: str, seeds: int) -> None:
    points = [noise(seed) for seed in range(seeds)]
    layers = drawn({str(seed): run("m", each, 100, seed=seed) for seed, each in enumerate(points)}, about("m"), band=band)
    columns = np.array([[value for _, value in each] for each in points])
    assert values(layers["mean"]) == pytest.approx(columns.mean(axis=0), abs=1e-9)
    expected = [BANDS[band](columns[:, place]) for place in range(columns.shape[1])]
    assert [(row["low"], row["high"]) for row in layers["band"]] == [pytest.approx(ends, abs=1e-9) for ends in expected]
    assert {row["here"] for row in layers["mean"]} == {seeds}


def test_a_band_ends_at_the_limits_of_its_metric_and_one_seed_has_none() -> None:
    far = {"a": run("m", line(0.99, 0.1), 10, seed=0), "b": run("m", line(0.5, 0.9), 10, seed=1)}
    (first, _) = drawn(far, about("m", limits=[0, 1]))["band"]
    assert (first["low"], first["high"]) == (0, 1)
    assert drawn(far, about("m"))["band"][0]["high"] > 1
    assert drawn({"a": far["a"]}, about("m"))["band"] == []
    assert drawn(far, about("m"), band="none")["band"] == []


def test_a_seed_is_measured_by_its_own_length_since_halves_are_of_unequal_size() -> None:
    runs = {"a": run("m", [(0, 1.0), (50, 2.0), (100, 3.0)], 100), "b": run("m", [(0, 3.0), (55, 4.0), (110, 5.0)], 110)}
    layers = drawn(runs, about("m"))
    assert [(row["x"], row["value"]) for row in layers["mean"]] == [(0, 2.0), (52.5, 3.0), (105, 4.0)]


def test_the_mean_is_over_finished_seeds_and_the_others_are_thin() -> None:
    runs = {
        "a": run("m", line(1, 1, 1), 20, seed=0),
        "b": run("m", line(3, 3, 3), 20, seed=1),
        "c": run("m", line(9, 9), 20, seed=2),
    }
    layers = drawn(runs, about("m"))
    assert values(layers["mean"]) == [2, 2, 2]
    assert [row["seed"] for row in layers["seeds"]] == [2, 2]
    assert {row["seed"] for row in drawn(runs, about("m"), seeds=True)["seeds"]} == {0, 1, 2}


def test_before_one_has_finished_the_mean_goes_as_far_as_every_seed_that_started() -> None:
    runs = {"a": run("m", line(1, 1, 1), 100, seed=0), "b": run("m", line(3, 3), 100, seed=1)}
    assert values(drawn(runs, about("m"))["mean"]) == [2, 2]


def test_several_points_of_one_seed_in_a_slot_count_as_one_seed() -> None:
    """Their number must not narrow the band: a seed is one observation."""
    steps = range(401)
    points = [noise(seed, steps) for seed in (1, 2, 3)]
    layers = drawn({str(seed): run("m", each, 401) for seed, each in enumerate(points)}, about("m", last=401))
    slots, columns = np.floor(np.array(steps) / 4.01 + 0.5), np.array([[value for _, value in each] for each in points])
    means = np.array([columns[:, slots == slot].mean(axis=1) for slot in range(101)])
    assert values(layers["mean"]) == pytest.approx(means.mean(axis=1), abs=1e-9)
    assert layers["band"][7]["high"] == pytest.approx(BANDS["t"](means[7])[1], abs=1e-9)
    assert layers["extent"][7]["high"] == columns[:, slots == 7].max()


def test_seeds_of_many_points_are_averaged_over_the_same_steps() -> None:
    """The sum of a bin is kept, so the mean over seeds is that of all points, not of those that are drawn."""
    total = 20_000  # bins of 64 steps, slots of 256
    points = [noise(seed, range(total)) for seed in (1, 2)]
    layers = drawn({str(seed): run("m", each, total) for seed, each in enumerate(points)}, about("m", last=total))
    slots = [[float(np.mean([v for _, v in each[first : first + 256]])) for each in points] for first in range(0, total, 256)]
    assert values(layers["mean"]) == pytest.approx([np.mean(slot) for slot in slots], abs=1e-9)
    assert layers["extent"][3]["low"] == min(v for each in points for _, v in each[768:1024])


def test_a_finished_supervisor_is_a_level_beside_students_and_a_line_alone() -> None:
    runs = {"a": run("weak", line(0.5, 0.6), 10), "b": run("m0", line(0.5, 0.7), 10)}
    layers = drawn(runs, about("weak", "m0", students=True))
    assert [(row["series"], row["value"], row["level"]) for row in layers["level"]] == [("weak", 0.6, True)]
    assert {row["series"] for row in layers["mean"]} == {"m0"}
    assert {row["series"] for row in drawn({"a": runs["a"]}, about("weak"))["mean"]} == {"weak"}
    assert drawn(runs, about("weak", "m0", students=True, final=False))["level"] == []


def tensorboard(numbers: Points, weight: float) -> list[float]:
    """The debiased exponential mean as TensorBoard documents it."""
    last, smoothed = 0.0, []
    for count, (_, value) in enumerate(numbers, 1):
        last = last * weight + (1 - weight) * value
        smoothed.append(last / (1 - weight**count))
    return smoothed


def test_smoothing_of_a_hundred_points_is_that_of_tensorboard_and_the_values_stay_faint() -> None:
    points = noise(4, range(1, 101))
    layers = drawn({"a": run("m", points, 100)}, about("m"), smooth=0.6)
    assert values(layers["mean"]) == pytest.approx(tensorboard(points, 0.6), abs=1e-9)
    assert values(layers["raw"]) == [value for _, value in points]
    assert [row["unsmoothed"] for row in layers["mean"]] == [value for _, value in points]


def test_smoothing_hardly_depends_on_the_number_of_points() -> None:
    few, many = ([(step, 1 - step / total) for step in range(1, total + 1)] for total in (100, 10_000))
    ends = [
        values(drawn({"a": run("m", each, len(each))}, about("m", last=len(each)), smooth=0.9)["mean"])[-1]
        for each in (few, many)
    ]
    assert ends[0] == pytest.approx(ends[1], abs=0.006)


def test_a_single_step_is_seen_among_a_hundred_thousand() -> None:
    points = [(step, 0.5 + 0.001 * (step % 7)) for step in range(100_000)]
    points[61_803] = (61_803, 9.0)
    layers = drawn({"a": run("m", points, 100_000)}, about("m", last=100_000))
    assert len(layers["mean"]) <= 1027
    assert [(row["x"], row["value"]) for row in layers["mean"] if row["value"] > 1] == [(61_803, 9.0)]


def test_what_is_not_finite_is_a_mark_at_an_edge_and_no_value() -> None:
    bad = [(20, "nan"), (30, "inf"), (40, "-inf"), (50, "")]
    layers = drawn({"a": run("m", line(0.5, 0.4), 100, seed=3, bad=bad)}, about("m"))
    assert [(row["x"], row["shape"], row["about"]) for row in layers["bottom"]] == [
        (20, "nan", "M, seed 3: NaN at step 20"),
        (40, "-inf", "M, seed 3: minus infinity at step 40"),
        (50, "nan", "M, seed 3: not a finite number at step 50"),
    ]
    assert [(row["x"], row["shape"]) for row in layers["top"]] == [(30, "inf")]
    assert values(layers["mean"]) == [0.5, 0.4]
    first = evaluated('curves.firstBad(storeOf({a: {series: "m", points: [], total: 9, bad: [[7, "inf"], [8, "nan"]]}}))')
    assert [(each["step"], each["value"]) for each in first] == [(7, "inf")]


def test_on_a_logarithmic_axis_zero_and_less_are_marks_and_a_band_ends_above_zero() -> None:
    layers = drawn({"a": run("m", line(0.1, 0, -1, 10), 100)}, about("m"), log=True)
    assert values(layers["mean"]) == [0.1, 10]
    assert [(row["x"], row["shape"], row["about"]) for row in layers["bottom"]] == [
        (10, "zero", "M: .000 at step 10"),
        (20, "zero", "M: -1.000 at step 20"),
    ]
    assert values(layers["frame"]) == [1]
    pair = {"a": run("m", line(0.1, 0.2), 10), "b": run("m", line(0.9, 0.3), 10)}
    assert all(row["low"] > 0 for row in drawn(pair, about("m"), log=True)["band"])


@pytest.mark.parametrize(
    ("x", "expected"), [("step", 50), ("epoch", 1.5), ("examples", 1600), ("relative", 2.5), ("wall", 1_000_002_500)]
)
def test_points_are_over_steps_epochs_examples_and_times(x: str, expected: float) -> None:
    timed = {"a": run("m", [(0, 1, 0), (50, 2, 2500)], 100, epochs=3, batch=32, start=1_000_000_000)}  # type: ignore[list-item]
    assert drawn(timed, about("m"), x=x)["mean"][1]["x"] == expected


def test_a_run_without_times_is_left_out_over_times() -> None:
    assert drawn({"a": run("m", line(1, 2), 10)}, about("m"), x="wall")["mean"] == []


def test_within_a_range_lines_reach_its_edges_and_the_axis_fits_its_values() -> None:
    layers = drawn({"a": run("m", line(*range(11)), 100)}, about("m"), **{"from": 35, "to": 55})
    assert values(layers["mean"]) == [3, 4, 5, 6]
    assert layers["frame"] == []


def test_hidden_series_are_not_drawn() -> None:
    runs = {"a": run("m0", line(1, 2), 10), "b": run("m1", line(1, 2), 10)}
    assert {row["series"] for row in drawn(runs, about("m0", "m1"), hidden=["m0"])["mean"]} == {"m1"}


def test_many_lines_have_few_points_each_among_them_the_greatest() -> None:
    runs = {str(seed): run("m", noise(seed, range(1000)), 2000, seed=seed) for seed in range(50)}
    runs["7"]["points"][500] = (500, 5.0)
    layers = drawn(runs, about("m", last=2000))
    assert len(layers["seeds"]) < 6500
    assert max(values(layers["seeds"])) == 5.0


def test_statistics_of_one_value_are_not_made_up() -> None:
    assert evaluated('curves.interval([1], "t", [])') is None
    assert math.isclose(evaluated("curves.mean([1, 2, 4])"), 7 / 3)
