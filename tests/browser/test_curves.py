"""Curves in a browser: what is drawn of long and of broken ones, and the controls by pointer, by key and by address."""

from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import parse_qs

import pytest
from playwright.sync_api import Browser, expect

from tests.factories.curve_pages import CurvePage, packed, place
from webapp.charts.bins import Curve, width_of
from webapp.charts.live import Series

Open = Callable[..., CurvePage]

TOTAL = 100_000
SPIKE = 61_803


@pytest.fixture
def curve_page(browser: Browser) -> Iterator[Open]:
    """Open pages; afterwards none of them must have had an error."""
    pages: list[CurvePage] = []

    def open_page(*arguments: Any, **more: Any) -> CurvePage:
        pages.append(CurvePage(browser, *arguments, **more))
        return pages[-1]

    yield open_page
    for page in pages:
        page.close()


def student(steps: int = 100, name: str = "m0") -> Series:
    return Series(name, "student", f"Method {name[1:]}", steps, "naive")


def started(seq: int, total: int, resumed_from: int = 0) -> dict[str, Any]:
    at = "2026-11-29T12:00:00+00:00"
    return {"seq": seq, "kind": "started", "total_steps": total, "resumed_from": resumed_from, "at": at}


def loss(seq: int, step: int, value: float | None, **more: Any) -> dict[str, Any]:
    minute, second = divmod(step % 3600, 60)
    return {"seq": seq, "kind": "metric", "step": step, "loss": value, "at": f"2026-11-29T12:{minute:02}:{second:02}Z", **more}


def spiked() -> list[tuple[int, float]]:
    return [(step, 9.0 if step == SPIKE else 0.5 + 0.001 * (step % 7)) for step in range(TOTAL)]


def finer(points: list[tuple[int, float]]) -> Callable[[str], Any]:
    """Answer a range of steps as the laboratory does."""

    def answer(query: str) -> dict[str, Any]:
        first, last = (int(parse_qs(query)[name][0]) for name in ("first", "last"))
        curve = Curve(width_of(last - first))
        for step, value in points[first : last + 1]:
            curve.add(step, value, at=step)
        return {"1": {"seq": 9, "total": TOTAL, "start": 1, "width": curve.width, "curves": {"loss": curve.packed(1)}}}

    return answer


def test_a_single_step_is_seen_among_100000_and_all_points_are_there_when_zoomed(curve_page: Open) -> None:
    points = spiked()
    curves = {1: packed(points, TOTAL, seq=TOTAL)}
    opened = curve_page([student(TOTAL)], {1: place("m0")}, curves, answer=finer(points))
    assert (SPIKE, 9.0) in opened.points()
    assert len(opened.points()) < 1030
    badge = opened.page.locator("[data-curve-badge]")
    expect(badge).to_contain_text("of 100,000 points")
    before = opened.points()

    opened.send({1: [loss(TOTAL + 1, TOTAL, 0.25)]})
    assert opened.points()[-1] == (TOTAL, 0.25)
    assert opened.points()[: len(before) - 3] == before[:-3], "points of older bins stay where they are"

    opened.open("?zoom=61600~62000")
    opened.page.wait_for_function("() => charts.view('live-chart').data('loss:mean').length > 400")
    assert opened.points()[1:-1] == points[61_600:62_001]
    expect(badge).to_be_hidden()


def test_a_seed_of_which_events_cannot_be_read_is_no_part_of_the_mean(curve_page: Open) -> None:
    runs = {number: place("m0", seed=number) for number in (1, 2, 3)}
    whole = {number: packed([(step, float(number)) for step in range(0, 101, 10)], 100, 20) for number in (1, 2)}
    last = packed([(100, 9.0)], 100, 20) | {"partial": True}
    opened = curve_page([student()], runs, whole | {3: last})
    assert opened.points() == [(step, 1.5) for step in range(0, 101, 10)]
    assert {row["seed"] for row in opened.rows("seeds")} == {3}


def test_values_that_are_not_finite_are_marks_at_the_axis_which_fits_the_others(curve_page: Open) -> None:
    opened = curve_page([student()], {1: place("m0")})
    bad = [loss(4, 30, None, nonfinite="nan"), loss(5, 40, None, nonfinite="inf"), loss(6, 50, None, nonfinite="-inf")]
    opened.send({1: [started(1, 100), loss(2, 10, 0.6), loss(3, 20, 0.5), *bad, loss(7, 60, 0)]})
    assert [(row["x"], row["shape"]) for row in opened.rows("bottom")] == [(30, "nan"), (50, "-inf")]
    assert [(row["x"], row["shape"]) for row in opened.rows("top")] == [(40, "inf")]
    assert opened.page.evaluate("() => charts.view('live-chart').scale('concat_3_y').domain()") == [0, 0.7]
    expect(opened.page.locator("#live-chart-note")).to_have_text("M0, seed 0: first NaN of the loss at step 30.")

    opened.page.get_by_label("Log scale").check()
    opened.page.wait_for_function("() => charts.view('live-chart').scale('concat_3_y').type === 'log'")
    opened.settle()
    assert opened.points() == [(10, 0.6), (20, 0.5)]
    assert (60, "zero") in [(row["x"], row["shape"]) for row in opened.rows("bottom")]
    assert opened.page.evaluate("() => charts.view('live-chart').scale('concat_3_y').domain()") == [0.5, 0.7]


def test_steps_that_go_back_after_a_resume_are_drawn_once(curve_page: Open) -> None:
    opened = curve_page([student(20)], {1: place("m0")})
    opened.send({1: [started(1, 20), *(loss(step + 1, step, 1.0) for step in range(1, 13))]})
    opened.send({1: [started(14, 20, resumed_from=8), loss(15, 9, 2.0), loss(16, 10, 2.0)]})
    assert opened.points() == [*((step, 1.0) for step in range(1, 9)), (9, 2.0), (10, 2.0)]


def test_a_resume_within_a_bin_makes_the_page_read_the_run_again(curve_page: Open) -> None:
    points = [(step, 1.0) for step in range(5000)]
    opened = curve_page([student(8000)], {1: place("m0")}, {1: packed(points, 8000, seq=5001)})
    valid = [*points[:4003], (4003, 3.0)]
    opened.wire["curves"] = {1: packed(valid, 8000, seq=5003)}
    opened.send({1: [started(5002, 8000, resumed_from=4002)]})
    opened.page.wait_for_function("() => charts.points('live-chart') === 4004")
    opened.settle()
    assert opened.loads == 2
    assert opened.points()[-1] == (4003, 3.0)
    opened.send({1: [loss(5003, 4003, 3.0), loss(5004, 4004, 4.0)]})
    assert opened.page.evaluate("charts.points('live-chart')") == 4005


RUNS = {1: place("m0", 0), 2: place("m0", 1), 3: place("m1", 0)}
LINES = [student(100), student(100, "m1")]


def three_runs(curve_page: Open, query: str = "") -> CurvePage:
    curves = {run: packed([(step, run / 10 + step / 1000) for step in range(0, 101, 5)], 100, seq=22) for run in RUNS}
    return curve_page(LINES, RUNS, curves, query=query)


def test_what_the_controls_say_is_in_the_address_and_comes_back_from_it(curve_page: Open) -> None:
    opened = three_runs(curve_page)
    assert opened.query() == ""
    page = opened.page
    page.locator("[name=x]").select_option("epoch")
    page.locator("[name=band]").select_option("range")
    page.get_by_label("Each seed").check()
    smoothing = page.get_by_label("Smoothing")
    smoothing.focus()
    page.keyboard.press("End")
    page.keyboard.press("Home")
    page.keyboard.press("ArrowRight")
    page.locator("[data-series=m1] [data-do=hide]").click()
    page.get_by_label("Pin to the top: Training loss").click()
    opened.settle()
    said = opened.query()
    assert said == "x=epoch&smooth=0.01&band=range&seeds=1&hide=m1&pin=loss"
    assert {row["series"] for row in opened.rows("mean")} == {"m0"}
    assert opened.points()[-1][0] == 2
    assert {row["seed"] for row in opened.rows("seeds")} == {0, 1}
    titles = page.evaluate("charts.get('live-chart').about.panels.map(panel => panel.title)")
    assert titles[0] == "Training loss"

    again = three_runs(curve_page, f"?{said}")
    assert again.rows("band") == opened.rows("band")
    assert again.query() == said
    expect(again.page.locator("[name=x]")).to_have_value("epoch")
    expect(again.page.locator("[data-series=m1] [data-do=hide]")).to_have_attribute("aria-pressed", "true")
    again.page.get_by_role("button", name="Reset").click()
    again.settle()
    assert again.query() == ""
    assert len({row["series"] for row in again.rows("mean")}) == 2


def test_a_default_is_used_where_the_address_says_nothing_and_not_mixed_with_one_that_does(curve_page: Open) -> None:
    opened = three_runs(curve_page)
    opened.page.locator("[name=band]").select_option("sd")
    opened.page.get_by_role("button", name="Make this my default").click()
    assert opened.query() == "band=sd"
    opened.open()
    expect(opened.page.locator("[name=band]")).to_have_value("sd")
    opened.open("?smooth=0.5")
    expect(opened.page.locator("[name=band]")).to_have_value("t")


def test_zoom_by_pointer_and_key_one_rule_and_its_values_in_the_legend(curve_page: Open) -> None:
    opened = three_runs(curve_page)
    page, chart = opened.page, opened.page.locator("#live-chart")
    page.evaluate("document.getElementById('live-chart').scrollIntoView({block: 'end'})")
    [*_, panel] = page.evaluate("hover.places(charts.get('live-chart'))")
    box = chart.bounding_box()
    assert box
    at = box["x"] + panel["x"], box["y"] + panel["y"] + 40
    page.mouse.move(at[0] + 0.2 * panel["width"], at[1])
    page.mouse.down()
    page.mouse.move(at[0] + 0.6 * panel["width"], at[1], steps=3)
    expect(page.locator(".curve-range")).to_be_visible()
    page.mouse.up()
    opened.settle()
    from_, to = map(float, opened.query().removeprefix("zoom=").split("~"))
    assert (from_, to) == pytest.approx((20, 60), abs=1)
    assert [x for x, _ in opened.points()] == [*range(15, 66, 5)] * 2
    page.mouse.move(at[0] + 0.5 * panel["width"], at[1])
    expect(page.locator("[data-series=m1] .value")).to_have_text(".340")
    page.mouse.dblclick(at[0] + 0.5 * panel["width"], at[1])
    opened.settle()
    assert opened.query() == ""

    chart.focus()
    page.keyboard.press("+")
    opened.settle()
    assert opened.query() == "zoom=18.75~81.25"
    page.keyboard.press("Shift+ArrowRight")
    opened.settle()
    assert opened.query() == "zoom=37.5~100"
    page.keyboard.press("Home")
    expect(page.locator("[data-curve-values]")).to_contain_text("step 38: ")
    page.keyboard.press("0")
    opened.settle()
    assert opened.query() == ""


def test_a_panel_alone_fills_the_window_until_escape(curve_page: Open) -> None:
    opened = three_runs(curve_page, "?panel=loss")
    section = opened.page.locator(".curve-section.full")
    box = section.bounding_box()
    assert box
    assert (box["width"], box["height"]) == (900, 900)
    assert len(opened.page.evaluate("hover.places(charts.get('live-chart'))")) == 1
    expect(opened.page.get_by_label("Full screen: Training loss")).to_have_attribute("aria-pressed", "true")
    opened.page.keyboard.press("Escape")
    opened.settle()
    expect(section).to_have_count(0)
    assert len(opened.page.evaluate("hover.places(charts.get('live-chart'))")) == 4


def test_an_axis_that_the_runs_do_not_have_cannot_be_chosen_and_says_why(curve_page: Open) -> None:
    opened = three_runs(curve_page)
    tokens = opened.page.locator("[name=x] option[value=tokens]")
    expect(tokens).to_be_disabled()
    expect(tokens).to_have_text("tokens (not counted when these runs were trained)")
    expect(opened.page.locator("[name=x] option[value=wall]")).to_be_enabled()


def test_fifty_runs_of_2000_points_do_not_make_a_page_grow(browser: Browser) -> None:
    """An hour of a page: every run has 2,000 points at its end, which arrive in 100 frames; the memory is that of its bins."""
    series = [student(2000, f"m{number}") for number in range(10)]
    runs = {run: place(f"m{run % 10}", run // 10) for run in range(50)}
    opened = CurvePage(browser, series, runs)
    session = opened.page.context.new_cdp_session(opened.page)

    def used() -> int:
        session.send("HeapProfiler.collectGarbage")
        return int(session.send("Runtime.getHeapUsage")["usedSize"])

    opened.send({run: [started(1, 2000), *(loss(step + 2, step, 0.5 + run / 100) for step in range(20))] for run in runs})
    begun = used()
    for frame in range(1, 100):
        steps = range(20 * frame, 20 * frame + 20)
        events = {run: [loss(step + 2, step, 0.5 + (step % 9) / 100 + run / 100) for step in steps] for run in runs}
        opened.page.evaluate("runs => socket.onmessage({data: JSON.stringify({runs})})", {str(k): v for k, v in events.items()})
    opened.settle()
    assert opened.page.evaluate("charts.points('live-chart')") == 50 * 2000
    assert len(opened.rows("seeds")) < 7000
    assert used() - begun < 50e6
    opened.close()
