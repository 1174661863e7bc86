"""Addresses of curves: nonsense is named and left out, and links and forms of a page keep the state of its curves."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from tests.factories.curve_pages import CurvePage, packed, place
from webapp.charts.live import Series

LINES = [Series("m0", "student", "One", 100, "naive"), Series("m1", "student", "Two", 100, "naive")]
RUNS = {1: place("m0"), 2: place("m1")}
Open = Callable[..., CurvePage]


@pytest.fixture
def open_page(browser: Browser) -> Iterator[Open]:
    pages: list[CurvePage] = []

    def opened(query: str = "", **more: Any) -> CurvePage:
        curves = {run: packed([(step, 0.5) for step in range(0, 101, 5)], 100, seq=22, **more) for run in RUNS}
        for packed_run in curves.values():
            packed_run["start"] = 1_796_000_000_000
        pages.append(CurvePage(browser, LINES, RUNS, curves, query=query))
        return pages[-1]

    yield opened
    for page in pages:
        page.close()


NONSENSE = {
    "x": "constructor",
    "smooth": "much",
    "y": "linear ",
    "band": "<script>",
    "seeds": "yes",
    "steps": "-1",
    "zoom": "-Infinity~Infinity",
    "panel": "nothing",
}


def test_nonsense_in_an_address_is_named_and_the_curves_are_as_without_it(open_page: Open) -> None:
    usual = open_page()
    opened = open_page("?" + "&".join(f"{name}={value}" for name, value in NONSENSE.items()) + "&hide=m7&single=m8&pin=none")
    wrong = opened.page.locator("[data-curve-wrong]")
    for name, value in NONSENSE.items():
        expect(wrong).to_contain_text(f"{name}={value}")
    assert opened.points() == usual.points()
    expect(opened.page.locator(".curve-section.full")).to_have_count(0)
    expect(opened.page.locator("[data-series].off")).to_have_count(0)
    expect(usual.page.locator("[data-curve-wrong]")).to_be_hidden()


@pytest.mark.parametrize("zoom", ["5~5", "7~3", "a~b", "~", "1~2~3", "0~1e999", ""])
def test_a_range_that_is_none_is_left_out(zoom: str, open_page: Open) -> None:
    opened = open_page(f"?zoom={zoom}")
    expect(opened.page.locator("[data-curve-wrong]")).to_contain_text("zoom=")
    assert len(opened.points()) == 42


def test_a_range_of_times_of_day_comes_back_from_the_address(open_page: Open) -> None:
    opened = open_page("?x=wall")
    for _ in range(8):
        opened.page.get_by_role("button", name="Zoom in").click()
    opened.settle()
    domain = opened.page.evaluate("charts.get('live-chart').made.domain")
    opened.page.reload()
    opened.page.wait_for_function("() => Boolean(window.socket?.onmessage)")
    opened.settle()
    again = opened.page.evaluate("charts.get('live-chart').made.domain")
    assert again == pytest.approx(domain, abs=(domain[1] - domain[0]) / 100, rel=0)


def test_zooming_in_without_end_and_far_outside_the_curves_leaves_a_page_that_answers(open_page: Open) -> None:
    opened = open_page()
    opened.page.evaluate("for (let time = 0; time < 60; time++) document.querySelector('[data-zoom=in]').click()")
    opened.settle()
    first, last = opened.page.evaluate("charts.get('live-chart').made.domain")
    assert 0 <= first < last <= 100
    outside = open_page("?zoom=5000~6000&y=log")
    assert outside.page.evaluate("charts.get('live-chart').made.domain") == [5000, 6000]
    outside.page.get_by_role("button", name="Whole range").click()
    outside.settle()
    assert len(outside.points()) == 42


def test_a_default_of_the_browser_that_is_nonsense_is_not_used(open_page: Open) -> None:
    opened = open_page()
    opened.page.evaluate("""localStorage.setItem("curves", '{"x": "foo", "smooth": "a", "band": 3, "log": true}')""")
    opened.open()
    expect(opened.page.locator("[name=x]")).to_have_value("step")
    expect(opened.page.get_by_label("Log scale")).to_be_checked()
    assert len(opened.points()) == 42


def test_links_and_forms_that_keep_the_state_of_curves_have_it_from_the_start_and_after_a_change(open_page: Open) -> None:
    opened = open_page()
    page = opened.page
    page.evaluate(
        """document.body.insertAdjacentHTML("beforeend", '<a id="link" data-keeps href="?e=3">Three</a>' +
        '<form id="form" data-keeps><input type="hidden" name="e" value="4"></form>')"""
    )
    page.get_by_label("Each seed").check()
    page.locator("[name=band]").select_option("sd")
    link, form = page.locator("#link"), "Object.fromEntries(new FormData(document.getElementById('form')))"
    expect(link).to_have_attribute("href", "?e=3&band=sd&seeds=1")
    assert page.evaluate(form) == {"e": "4", "band": "sd", "seeds": "1"}
    page.get_by_role("button", name="Reset").click()
    expect(link).to_have_attribute("href", "?e=3")
    assert page.evaluate(form) == {"e": "4"}
