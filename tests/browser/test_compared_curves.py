"""The curves of a comparison in a browser: live, and its lines shown by keyboard."""

from playwright.sync_api import Page, expect

from tests.lab import Lab, quick

METHODS = [{"kind": "naive"}, *({"kind": "confidence", "weight": weight} for weight in (0.25, 0.5, 0.75))]
ENDS = "charts.view('compare-chart').data('accuracy:end').map(row => row.series)"


def named(lab: Lab, page: Page) -> list[str]:
    """The lines that have a name beside the panel of accuracy, once everything is drawn. A chart far off the screen is not."""
    page.evaluate("document.getElementById('compare-chart').scrollIntoView()")
    lab.until(lambda: page.evaluate("charts.settled('compare-chart')"))
    return list(page.evaluate(ENDS))


def test_compared_curves_arrive_by_themselves_and_hidden_lines_are_shown_by_key(lab: Lab, page: Page) -> None:
    pk = lab.launch(quick(methods=METHODS))
    runs = {run["run"] for run in lab.experiment(pk)["runs"]}
    page.goto(f"{lab.url}/compare/?e={pk}" + "".join(f"&r={run}" for run in sorted(runs)))
    expect(page.locator("body")).to_have_attribute("data-live", "live")
    page.evaluate("window.neverReloaded = true")
    lab.finished(pk)
    events = str(sum(len(lab.events(run)) for run in runs))
    expect(page.locator("body")).to_have_attribute("data-events", events)
    assert page.evaluate("window.neverReloaded") is True
    expect(page.locator("#compared")).not_to_contain_text("no result yet")
    expect(page.locator("#students tbody tr")).to_have_count(len(METHODS))
    expect(page.locator("#runs tbody tr").filter(has_text="Finished")).to_have_count(len(runs))
    assert page.evaluate("window.neverReloaded") is True
    legend = page.get_by_role("list", name="Lines of the chart")
    off = legend.locator(".off")
    assert (legend.get_by_role("listitem").count(), off.count()) == (12, 2)
    assert len(named(lab, page)) == 10, "each run is a line of its own and one of its experiment"

    series = str(off.first.get_attribute("data-series"))
    off.first.get_by_role("button", name="hide").focus()
    page.keyboard.press("Enter")
    expect(off).to_have_count(1)
    assert series in named(lab, page)
    page.locator("#compare-chart").focus()
    page.keyboard.press("+")
    lab.until(lambda: "zoom=" in page.url)
    leave = page.get_by_role("link", name=f"Leave out run {max(runs)}")
    assert "zoom=" in str(leave.get_attribute("href"))

    page.reload()
    expect(page.locator("body")).to_have_attribute("data-events", events)
    expect(off).to_have_count(1)
    assert series in named(lab, page)
    page.get_by_role("button", name="Reset").click()
    expect(off).to_have_count(2)
    assert page.url.endswith(f"r={max(runs)}")
