"""Panels of curves in a browser: single steps, a line alone, the ends of runs, the axis of tokens, and why one is empty."""

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from tests.factories.curve_pages import CurvePage, packed, place
from webapp.charts.live import Series

LINES = [Series("m0", "student", "Long", 200, "naive"), Series("m1", "student", "Short", 100, "naive")]
RUNS = {1: place("m0"), 2: place("m1")}
SPIKE = {"least": 0.25, "least_step": 13, "greatest": 9.5, "greatest_step": 17}


@pytest.fixture
def opened(browser: Browser) -> Iterator[CurvePage]:
    page = CurvePage(browser, LINES, RUNS)
    yield page
    page.close()


def started(total: int) -> dict[str, Any]:
    return {"seq": 1, "kind": "started", "total_steps": total, "resumed_from": 0, "at": "2026-11-29T12:00:00Z"}


def losses(total: int, **more: Any) -> list[dict[str, Any]]:
    return [
        {"seq": 1 + step // 10, "kind": "metric", "step": step, "loss": 0.5 + step / 1000, "at": "2026-11-29T12:00:00Z", **more}
        for step in range(10, total + 1, 10)
    ]


def point_at(opened: CurvePage, share: float) -> None:
    """Put the pointer over the panel of the loss, at a share of its width."""
    page = opened.page
    page.evaluate("document.getElementById('live-chart').scrollIntoView({block: 'end'})")
    *_, panel = page.evaluate("hover.places(charts.get('live-chart'))")
    box = page.locator("#live-chart").bounding_box()
    assert box
    page.mouse.move(box["x"] + panel["x"] + share * panel["width"], box["y"] + panel["y"] + 5)


def test_a_step_that_was_averaged_away_arrives_is_drawn_and_has_its_step_in_the_tooltip(opened: CurvePage) -> None:
    events = losses(200)
    events[1] = {**events[1], "extremes": SPIKE}
    opened.send({1: [started(200), *events]})
    assert [(row["x"], row["low"], row["high"]) for row in opened.rows("extent")][1:2] == [(20, 0.25, 9.5)]
    assert opened.page.evaluate("charts.view('live-chart').scale('concat_3_y').domain()")[1] >= 9.5
    expect(opened.page.locator("[data-curve-badge]")).to_be_hidden()
    point_at(opened, 0.1)
    expect(opened.page.locator(".tip")).to_contain_text("single steps from .250 (step 13) to 9.500 (step 17)")
    opened.page.get_by_label("Range of steps").uncheck()
    opened.settle()
    assert opened.rows("extent") == []
    assert opened.query() == "steps=0"


def test_a_line_that_is_singled_out_is_alone_until_it_is_clicked_again(opened: CurvePage) -> None:
    opened.send({1: [started(200), *losses(200)], 2: [started(100), *losses(100)]})
    only = opened.page.locator("[data-series=m1] [data-do=only]")
    only.click()
    opened.settle()
    assert {row["series"] for row in opened.rows("mean")} == {"m1"}
    assert opened.query() == "single=m1"
    only.click()
    opened.settle()
    assert {row["series"] for row in opened.rows("mean")} == {"m0", "m1"}
    assert opened.query() == ""


def test_after_the_end_of_a_run_its_value_is_no_longer_said(opened: CurvePage) -> None:
    opened.send({1: [started(200), *losses(200)], 2: [started(100), *losses(100)]})
    short, long = (opened.page.locator(f"[data-series={name}] .value") for name in ("m1", "m0"))
    point_at(opened, 0.5)
    expect(short).to_have_text(".600")
    point_at(opened, 0.75)
    expect(long).to_have_text(".650")
    expect(short).to_have_text("")
    expect(opened.page.locator(".tip .at")).to_have_count(1)


def test_an_empty_panel_says_why_until_it_has_something(opened: CurvePage) -> None:
    reasons = opened.page.locator(".panel-empty")
    expect(reasons).to_have_text(["No run has reported anything yet."] * 4)
    opened.send({1: [started(200), *losses(200)]})
    expect(reasons).to_have_text(["No run has reported this."] * 3)
    opened.page.locator("[data-series=m0] [data-do=hide]").click()
    expect(reasons.last).to_have_text("All lines of this panel are hidden.")


def test_curves_over_tokens_are_offered_once_a_run_has_counted_them(browser: Browser) -> None:
    old = CurvePage(browser, LINES, RUNS, {1: packed([(10, 0.5)], 200, seq=2)})
    tokens = old.page.locator("[name=x] option[value=tokens]")
    expect(tokens).to_have_text("tokens (not counted when these runs were trained)")
    expect(tokens).to_be_disabled()
    old.close()

    opened = CurvePage(browser, LINES, RUNS)
    tokens = opened.page.locator("[name=x] option[value=tokens]")
    expect(tokens).to_have_text("tokens (nothing reported yet)")
    opened.send({1: [started(200), *losses(100, examples=320)]})
    expect(tokens).to_have_text("tokens (runs on features read none)")
    opened.send({1: [{**event, "tokens": 50 * event["step"], "seq": 50 + event["seq"]} for event in losses(200)[10:]]})
    expect(tokens).to_have_text("tokens")
    opened.page.locator("[name=x]").select_option("tokens")
    opened.settle()
    assert opened.query() == "x=tokens"
    assert opened.points()[-1] == pytest.approx((10_000, 0.7))
    opened.close()


ROOM = """() => {
  const view = charts.view("live-chart"), pen = document.createElement("canvas").getContext("2d");
  pen.font = `500 12px ${getComputedStyle(document.documentElement).getPropertyValue("--sans")}`;
  return view.data("accuracy:end").map((row) => [row.label, view.signal("room") - pen.measureText(row.label).width]);
}"""


def test_the_names_of_roles_are_whole_with_their_values_on_a_phone(browser: Browser) -> None:
    lines = [Series("weak", "weak", "Weak supervisor", 200), Series("ceiling", "ceiling", "Strong ceiling", 200)]
    curve_page = CurvePage(browser, lines, {1: place("weak"), 2: place("ceiling")})
    curve_page.page.evaluate("document.getElementById('live-chart').style.width = '350px'")
    measured = {"kind": "evaluation", "step": 200, "accuracy": 0.688, "agreement": 0.9, "at": "2026-11-29T12:00:00Z", "seq": 30}
    curve_page.send({run: [started(200), *losses(200), measured] for run in (1, 2)})
    curve_page.page.wait_for_function("() => charts.view('live-chart').width() < 200")
    room = dict(curve_page.page.evaluate(ROOM))
    assert set(room) == {"Weak supervisor .688", "Strong ceiling .688"}
    assert min(room.values()) >= 0
    curve_page.close()
