"""Extremes of single steps in bins and in the rows that are drawn, and the axes of what a run has read."""

import json
import random
from typing import Any

import pytest

from tests.factories.curves import about, drawn, evaluated, run
from webapp.charts.bins import Curve, width_of

Mean = tuple[int, float, tuple[float, int, float, int]]


def means(total: int, each: int, seed: int = 1) -> list[Mean]:
    """Points of a run of noise, each the mean of so many steps, with the extremes of these."""
    draw, made = random.Random(seed), []
    for last in range(each, total + 1, each):
        steps = {step: draw.gauss(1, 0.3) for step in range(last - each + 1, last + 1)}
        least, greatest = min(steps, key=lambda step: steps[step]), max(steps, key=lambda step: steps[step])
        made.append((last, sum(steps.values()) / each, (steps[least], least, steps[greatest], greatest)))
    return made


def binned(points: list[Mean], total: int) -> Curve:
    curve = Curve(width_of(total))
    for step, value, extremes in points:
        curve.add(step, value, 10 * step, extremes=extremes)
    return curve


def test_a_bin_of_means_keeps_the_extremes_of_their_steps_and_one_of_steps_has_no_more_numbers() -> None:
    points = means(40, 10)
    curve = binned(points, 40)
    assert curve.packed(1)["bins"] == [[s, v, 10 * s, a_at, a, b_at, b] for s, v, (a, a_at, b, b_at) in points]
    least, greatest = min(points, key=lambda point: point[2][0])[2][:2], max(points, key=lambda point: point[2][2])[2][2:]
    assert curve.packed(64)["bins"][0][10:] == [least[1], least[0], greatest[1], greatest[0]]
    curve = Curve(1)
    curve.add(1, 0.5, 10)
    assert curve.packed(1)["bins"] == [[1, 0.5, 10]]


@pytest.mark.parametrize(("total", "each", "sent"), [(100, 4, 0), (100, 4, 11), (20_000, 10, 0), (20_000, 10, 777)])
def test_the_browser_adds_means_to_the_bins_of_the_server_with_their_extremes(total: int, each: int, sent: int) -> None:
    points, names = means(total, each), ("least", "least_step", "greatest", "greatest_step")
    events = [[step, value, dict(zip(names, extremes, strict=True))] for step, value, extremes in points[sent:]]
    packed = {"total": total, "width": width_of(total), "curves": {"loss": binned(points[:sent], total).packed(1)}}
    appended = f"""(() => {{
      const store = bins.make({{1: {{}}}}, {{1: {json.dumps(packed)}}}), run = store.runs.get(1);
      for (const [step, value, extremes] of {json.dumps(events)}) bins.add(run, "loss", step, value, 10 * step, extremes);
      return plain(store);
    }})()"""
    whole = {**packed, "curves": {"loss": binned(points, total).packed(1)}}
    assert evaluated(appended) == evaluated(f"plain(bins.make({{1: {{}}}}, {{1: {json.dumps(whole)}}}))")


def of_means(points: list[Mean], total: int, **state: Any) -> dict[str, Any]:
    packed = {"total": total, "width": width_of(total), "curves": {"loss": binned(points, total).packed(1)}}
    store = f'bins.make({{1: {{series: "m", seed: 0}}}}, {{1: {json.dumps(packed)}}})'
    spec = json.dumps(about("m", last=total))
    layers: dict[str, Any] = evaluated(f"curves.rows({store}, {spec}, {{...curves.DEFAULTS, ...{json.dumps(state)}}})")
    return {**layers["panels"]["loss"], "counts": layers["counts"]["loss"]}


@pytest.mark.parametrize(("total", "each"), [(10_000, 100), (100_000, 10)])
def test_one_step_that_is_far_off_is_in_the_band_and_its_row_says_at_which_step(total: int, each: int) -> None:
    points = means(total, each)
    place = len(points) // 3
    step, value, (least, least_step, _, _) = points[place]
    spike = step - each // 2
    points[place] = (step, value, (least, least_step, 42.0, spike))
    layers = of_means(points, total)
    (peak,) = [row for row in layers["extent"] if row["high"] == 42.0]
    assert abs(peak["x"] - spike) <= max(each, width_of(total))
    said = {(row["greatest"], row["greatestStep"]) for row in layers["mean"]}
    assert (42.0, spike) in said
    assert max(row["value"] for row in layers["mean"]) < 2, "the line is that of the means"
    assert layers["counts"]["total"] == len(points), "extremes are no points"

    without = of_means(points, total, steps=False)
    assert without["extent"] == []
    assert [row["value"] for row in without["mean"]] == [row["value"] for row in layers["mean"]]
    assert "greatest" not in without["mean"][0]


def test_the_band_of_several_seeds_reaches_as_far_as_any_of_their_steps() -> None:
    runs = [means(100, 10, seed) for seed in (1, 2)]
    packed = {
        number: {"total": 100, "width": 1, "curves": {"loss": binned(points, 100).packed(1)}}
        for number, points in enumerate(runs, 1)
    }
    store = f'bins.make({{1: {{series: "m", seed: 0}}, 2: {{series: "m", seed: 1}}}}, {json.dumps(packed)})'
    rows = evaluated(f"curves.rows({store}, {json.dumps(about('m'))}, curves.DEFAULTS).panels.loss.extent")
    both = list(zip(*runs, strict=True))
    assert [row["low"] for row in rows] == [min(point[2][0] for point in points) for points in both]
    assert [row["high"] for row in rows] == [max(point[2][2] for point in points) for points in both]


def store_with(axes: dict[str, list[tuple[int, int]]], total: int = 100) -> str:
    adding = "".join(f'bins.addAxis(run, "{name}", {step}, {n}, 0);' for name, known in axes.items() for step, n in known)
    return f"""(() => {{
      const store = storeOf({{a: {{series: "m", points: [[10, 1], [20, 2], [30, 3]], total: {total}, batch: 32}}}});
      const run = store.runs.get("a");
      {adding}
      return store;
    }})()"""


def over(axis: str, axes: dict[str, list[tuple[int, int]]]) -> list[float]:
    state = f'{{...curves.DEFAULTS, x: "{axis}"}}'
    rows = evaluated(f"curves.rows({store_with(axes)}, {json.dumps(about('m'))}, {state}).panels.loss.mean")
    return [row["x"] for row in rows]


def test_points_over_tokens_are_where_the_run_said_and_in_proportion_between_and_after() -> None:
    assert over("tokens", {"tokens": [(10, 100), (30, 500)]}) == [100, 300, 500]
    assert over("tokens", {"tokens": [(15, 150), (20, 300)]}) == [100, 300, 450]
    assert over("tokens", {}) == []


def test_points_over_examples_are_counted_where_the_run_counts_them() -> None:
    assert over("examples", {"examples": [(10, 300), (20, 600), (30, 870)]}) == [300, 600, 870]
    assert over("examples", {}) == [320, 640, 960]


def test_a_resume_takes_back_what_was_read_after_it() -> None:
    store = store_with({"tokens": [(10, 100), (20, 300), (30, 900)]})
    expression = f'(() => {{ const store = {store}, run = store.runs.get("a"); bins.started(store, run, 100, 20, 0);'
    assert evaluated(f'{expression} return bins.read(run, "tokens", 30); }})()') == 450


@pytest.mark.parametrize(
    ("points", "state", "text"),
    [
        (None, {}, "No run has reported anything yet."),
        ([(10, 1.0)], {"hidden": ["m"]}, "All lines of this panel are hidden."),
        ([(10, 1.0)], {"x": "tokens"}, "These runs have not said where they are on this axis."),
        ([(10, 1.0)], {"from": 50, "to": 60}, None),  # the line of what was before
        ([(10, 1.0)], {}, None),
    ],
)
def test_a_panel_without_anything_drawn_says_why(points: Any, state: dict[str, Any], text: str | None) -> None:
    runs = {} if points is None else {"a": run("m", points, 100)}
    full = f"{{...curves.DEFAULTS, ...{json.dumps(state)}}}"
    arguments = f"storeOf({json.dumps(runs)}), {json.dumps(about('m'))}"
    empty = evaluated(f"curves.empty({arguments}, curves.rows({arguments}, {full}).panels, {full})")
    assert empty == ({} if text is None else {"loss": text})


def test_a_run_whose_first_value_is_not_finite_has_its_mark() -> None:
    layers = drawn({"a": run("m", [], 100, bad=[(7, "nan")])}, about("m"))
    assert [(row["x"], row["shape"]) for row in layers["bottom"]] == [(7, "nan")]


def test_one_line_that_is_singled_out_is_the_only_one_and_an_unknown_one_changes_nothing() -> None:
    runs = {name: run(name, [(10, 1.0), (20, 2.0)], 100) for name in ("m0", "m1", "m2")}
    assert {row["series"] for row in drawn(runs, about(*runs), single="m1", hidden=["m1", "m2"])["mean"]} == {"m1"}
    assert {row["series"] for row in drawn(runs, about(*runs), single="m9")["mean"]} == {"m0", "m1", "m2"}
