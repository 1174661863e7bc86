"""Bins of long curves: the same in Python and in the browser, however the points arrive, and none of them ever moves."""

import json
import random
from typing import Any

import pytest

from tests.factories.curves import evaluated
from webapp.charts.bins import MOST, Curve, width_of


@pytest.mark.parametrize(("steps", "width"), [(0, 1), (100, 1), (512, 1), (513, 2), (1024, 2), (1025, 4), (100_000, 256)])
def test_the_width_is_the_least_power_of_two_that_suffices(steps: int, width: int) -> None:
    assert width_of(steps) == width
    assert evaluated(f"bins.widthOf({steps})") == width


def curve(points: list[tuple[int, float]], total: int) -> Curve:
    made = Curve(width_of(total))
    for step, value in points:
        made.add(step, value, at=10 * step)
    return made


def noise(number: int, total: int) -> list[tuple[int, float]]:
    draw = random.Random(number)
    return [(step, draw.gauss(0, 1)) for step in sorted(draw.sample(range(total), number))]


def test_an_appended_point_changes_no_older_bin() -> None:
    points = noise(5000, 9000)
    before = curve(points[:2500], 9000).packed(1)["bins"]
    after = curve(points, 9000).packed(1)["bins"]
    assert after[: len(before) - 1] == before[:-1]
    assert len(after) <= MOST + 1


def test_a_bin_keeps_least_greatest_last_number_and_sum() -> None:
    values = [3.0, 1.0, 7.0, 5.0]
    (only,) = curve(list(enumerate(values)), 4 * MOST).packed(1)["bins"]
    assert only == [0, 4, sum(values), 1, 1.0, 2, 7.0, 3, 5.0, 30]
    (single,) = curve([(2, 4.0)], 4 * MOST).packed(1)["bins"]
    assert single == [2, 4.0, 20]


def test_bins_of_one_or_two_points_lose_none() -> None:
    points = noise(900, 1024)
    sent = json.dumps({"1": {"total": 1024, "width": 2, "curves": {"loss": curve(points, 1024).packed(1)}}})
    store = f'bins.make({{1: {{series: "m"}}}}, {sent})'
    shown = evaluated(f'bins.binsOf({store}.runs.get(1), "loss").flatMap((each) => bins.pointsOf(each))')
    assert [(point["step"], point["value"]) for point in shown] == points


@pytest.mark.parametrize("sent", [0, 1, 777, 3000])
def test_the_browser_adds_new_points_to_the_bins_of_the_server(sent: int) -> None:
    points = noise(3000, 50_000)
    packed = {"total": 50_000, "width": width_of(50_000), "curves": {"loss": curve(points[:sent], 50_000).packed(1)}}
    appended = f"""(() => {{
      const store = bins.make({{1: {{}}}}, {{1: {json.dumps(packed)}}});
      for (const [step, value] of {json.dumps(points[sent:])}) bins.add(store.runs.get(1), "loss", step, value, 10 * step);
      return plain(store);
    }})()"""
    whole = {**packed, "curves": {"loss": curve(points, 50_000).packed(1)}}
    assert evaluated(appended) == evaluated(f"plain(bins.make({{1: {{}}}}, {{1: {json.dumps(whole)}}}))")


def test_wider_bins_are_made_of_narrower_ones() -> None:
    points = noise(4000, 10_000)
    narrow, wide = curve(points, 10_000), Curve(128)
    for step, value in points:
        wide.add(step, value, at=10 * step)
    for merged, expected in zip(narrow.packed(128)["bins"], wide.packed(128)["bins"], strict=True):
        assert merged == pytest.approx(expected)


def test_the_first_value_of_a_bin_that_is_not_finite_is_kept() -> None:
    made = Curve(4)
    for step, value in ((1, "nan"), (2, "inf"), (5, "inf"), (9, "-inf")):
        made.add_bad(step, value, step)
    assert made.packed(4)["bad"] == [(1, "nan", 1), (5, "inf", 5), (9, "-inf", 9)]
    assert made.packed(8)["bad"] == [(1, "nan", 1), (9, "-inf", 9)]


def resumed(points: list[tuple[int, float]], total: int, step: int) -> Any:
    return evaluated(
        f"""(() => {{
          const store = bins.make({{1: {{}}}}), run = store.runs.get(1);
          bins.started(store, run, {total}, 0, 0);
          for (const [step, value] of {json.dumps(points)}) bins.add(run, "loss", step, value, 10 * step);
          const whole = bins.started(store, run, {total}, {step}, 0);
          return {{whole, last: run.curves.get("loss").last, steps: [...run.curves.get("loss").bins.keys()]}};
        }})()"""
    )


def test_a_resume_removes_later_points_and_says_where_a_bin_has_both() -> None:
    short = resumed([(step, 1.0) for step in range(100)], 100, 40)
    assert short == {"whole": True, "last": 40, "steps": list(range(41))}
    long = [(step, 1.0) for step in range(2000)]
    assert resumed(long, 2000, 1027)["whole"] is True
    assert resumed(long, 2000, 1026) == {"whole": False, "last": 1023, "steps": list(range(256))}
