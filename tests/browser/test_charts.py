"""Charts in a browser: values at the pointer, one method singled out, pages that scroll over charts and stay where they are."""

from functools import partial
from typing import Any

from playwright.sync_api import Browser, Locator, Page, expect

from tests.browser.layout import scroll_through
from tests.lab import Lab, quick

KINDS = ("naive", "confidence", "entropy", "reverse-kl")

ALL_DRAWN = "[...document.querySelectorAll('.chart[id]:not([data-drawn])')].every(chart => !chart.checkVisibility())"
"""A chart in a section that is not shown is not drawn."""

SHIFTS = """
new PerformanceObserver(list => {
  for (const entry of list.getEntries()) if (!entry.hadRecentInput) window.shifted = (window.shifted ?? 0) + entry.value;
}).observe({type: "layout-shift", buffered: true})
"""


def finished(lab: Lab) -> int:
    pk = lab.launch(quick(name="Charts", seeds=2, methods=[{"kind": kind} for kind in KINDS]))
    lab.finished(pk)
    return pk


def to_the_curves(lab: Lab, page: Page, pk: int) -> dict[str, float]:
    """Return the place of the chart, once it is drawn with all its points and on the screen."""
    page.goto(f"{lab.url}/experiments/{pk}/?section=curves")
    chart = page.locator("#live-chart[data-steps]")
    expect(chart).to_be_attached()
    lab.until(lambda: page.evaluate("charts.settled('live-chart') && charts.view('live-chart').data('accuracy:mean').length > 0"))
    return at_the_top(chart)


def at_the_top(chart: Locator) -> dict[str, float]:
    """Scroll to the chart and return its place."""
    chart.evaluate("element => element.scrollIntoView({block: 'start'})")
    box = chart.bounding_box()
    assert box is not None
    return dict(box)  # type: ignore[arg-type]


def point(lab: Lab, page: Page, x: float, y: float, tip: Locator, *words: str, without: str | None = None) -> None:
    """Move the pointer there until the tip is as expected: a chart that is drawn again meanwhile answers the next move."""

    def answered() -> bool:
        page.mouse.move(x + 1, y)
        page.mouse.move(x, y)
        text = "".join(tip.all_text_contents())
        return all(word in text for word in words) and (without is None or without not in text)

    lab.until(answered)


def pressed(page: Page, what: str) -> list[str]:
    texts: list[str] = page.locator(f".lines button[data-do={what}][aria-pressed=true]").all_inner_texts()
    return [" ".join(text.split()) for text in texts]


def test_values_at_the_pointer_one_rule_over_all_panels_and_one_method_singled_out(lab: Lab, page: Page) -> None:
    box = to_the_curves(lab, page, finished(lab))
    x, y = box["x"] + 200, box["y"] + 120
    tip, rule = page.locator("#live-chart .tip"), page.locator("#live-chart .cross")
    point(lab, page, x, y, tip, "step ", "Naive", "Confidence", "Entropy", "Reverse KL", "n 2", "[")
    across = rule.bounding_box()
    assert across is not None
    assert across["height"] > 500  # from the first panel to the last
    assert abs(across["x"] - x) < 2

    single = page.locator(".lines li", has_text="Entropy").locator("[data-do=only]")
    single.focus()
    page.keyboard.press("Enter")  # without a pointer too
    assert pressed(page, "only") == ["Entropy"]
    assert page.evaluate("charts.view('live-chart').signal('focus')") != ""
    single.click()
    assert pressed(page, "only") == []

    page.locator(".lines li", has_text="Naive").locator("[data-do=hide]").click()
    y = at_the_top(page.locator("#live-chart"))["y"] + 120  # the press has scrolled away from it
    point(lab, page, x + 5, y, tip, "Entropy", without="Naive")
    page.evaluate("document.documentElement.dataset.theme = 'dark'")  # drawn again
    lab.until(lambda: page.evaluate("charts.settled('live-chart')"))
    assert not page.evaluate("charts.view('live-chart').data('accuracy:mean').some(row => row.series === 'm0')")
    assert pressed(page, "hide") == ["hide Naive"]

    page.get_by_role("link", name="Result", exact=True).click()
    page.locator("#gap-chart").scroll_into_view_if_needed()
    lab.until(lambda: page.evaluate("charts.settled('gap-chart')"))
    gap = page.locator("#gap-chart").bounding_box()
    assert gap is not None
    point(lab, page, gap["x"] + gap["width"] / 2, gap["y"] + 100, page.locator("#gap-chart .tip"), "accuracy ")


def test_a_page_scrolls_by_wheel_and_by_finger_over_a_chart_and_a_tap_says_the_values(
    lab: Lab, page: Page, browser: Browser, cookies: Any
) -> None:
    pk = finished(lab)
    box = to_the_curves(lab, page, pk)
    before = page.evaluate("scrollY")
    page.mouse.move(box["x"] + 200, box["y"] + 120)
    page.mouse.wheel(0, -200)
    lab.until(lambda: page.evaluate(f"scrollY < {before} - 100"))

    context = browser.new_context(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    context.add_cookies(cookies)
    phone = context.new_page()
    box = to_the_curves(lab, phone, pk)
    widths = phone.evaluate(
        "(e => [e.querySelector('canvas').offsetWidth, e.clientWidth])(document.getElementById('live-chart'))"
    )
    assert widths[0] <= widths[1] + 1, "no text of the chart is wider than the phone"
    phone.touchscreen.tap(box["x"] + 90, box["y"] + 120)
    expect(phone.locator("#live-chart .tip")).to_contain_text("step ")
    before = phone.evaluate("scrollY")
    finger = context.new_cdp_session(phone)
    for step, y in enumerate(range(300, 520, 20)):
        at = [{"x": box["x"] + 90, "y": y}]
        finger.send("Input.dispatchTouchEvent", {"type": "touchMove" if step else "touchStart", "touchPoints": at})
    finger.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    lab.until(lambda: phone.evaluate(f"scrollY < {before} - 100"))
    context.close()


def test_a_chart_far_from_the_screen_is_not_drawn_until_it_comes_near_and_then_with_all_its_rows(lab: Lab, page: Page) -> None:
    page.set_viewport_size({"width": 1280, "height": 300})
    page.goto(f"{lab.url}/experiments/{finished(lab)}/?section=curves")
    page.locator("#live-chart").evaluate("element => { element.style.marginTop = '2000px'; }")
    page.evaluate("""() => {
      const { spec, store } = charts.get("live-chart"), element = document.getElementById("live-chart");
      charts.get("live-chart").finalize?.();
      element.replaceChildren();
      const script = document.createElement("script");
      script.type = "application/json";
      script.dataset.chart = "far";
      script.textContent = JSON.stringify(spec);
      const far = document.createElement("div");
      far.id = "far";
      far.className = "chart";
      element.after(far, script);
      charts.scan();
      charts.feed("far", store);
    }""")
    page.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
    assert page.evaluate("charts.view('far') ?? null") is None
    page.locator("#far").scroll_into_view_if_needed()
    expect(page.locator("#far[data-drawn]")).to_be_attached()
    lab.until(lambda: page.evaluate("charts.view('far').data('accuracy:mean').length > 0"))


def test_nothing_moves_while_a_page_of_charts_loads(lab: Lab, browser: Browser, cookies: Any) -> None:
    """Layout shift stays below .1, with nothing in the browser's cache, on a screen and on a phone."""
    pk = finished(lab)
    run = lab.experiment(pk)["runs"][0]["run"]
    paths = (
        "/",
        "/experiments/",
        f"/experiments/{pk}/",
        f"/experiments/{pk}/diagnostics/",
        f"/experiments/{pk}/examples/",
        f"/compare/?e={pk}",
    )
    for width in (1280, 390):
        for path in (*paths, f"/runs/{run}/"):
            context = browser.new_context(viewport={"width": width, "height": 800})
            context.add_cookies(cookies)
            context.add_init_script(SHIFTS)
            page = context.new_page()
            page.goto(f"{lab.url}{path}")
            scroll_through(page)
            lab.until(partial(page.evaluate, ALL_DRAWN))
            assert page.evaluate("window.shifted ?? 0") < 0.1, (path, width)
            context.close()
