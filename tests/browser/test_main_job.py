"""The whole main job as a person does it: log in, fill the form, launch, watch, read the result."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.layout import overflow
from tests.lab import Lab, quick, slow


def drawn(page: Page) -> int:
    return int(page.evaluate("charts.points('live-chart')"))


WITHIN = """
[...charts.get("live-chart").store.runs.values()].every(run => [...run.curves.values()].every(({last}) => last <= run.total))
"""


def within_their_runs(page: Page) -> bool:
    """Every point has the length of its run, by which the chart separates finished seeds and averages over seeds."""
    return bool(page.evaluate(WITHIN))


def received(page: Page) -> int:
    return int(page.evaluate("Number(document.body.dataset.events || 0)"))


DRAWN = {
    "evaluation": ("accuracy", "agreement_right", "agreement_wrong"),
    "metric": ("loss", "confidence_weight", "threshold"),
}


def points(lab: Lab, pk: int) -> int:
    """Return the number of points that the page should draw, counted from the experiment's events."""
    total = 0
    for run in {run["run"] for run in lab.experiment(pk)["runs"]}:
        for event in lab.events(run):
            total += sum(event.get(metric) is not None for metric in DRAWN.get(event["kind"], ()))
    return total


@pytest.mark.timeout(600)
def test_from_the_form_to_a_result_with_points_that_arrive_by_themselves(lab: Lab, page: Page) -> None:
    page.goto(f"{lab.url}/experiments/new/")
    page.get_by_label("Name", exact=True).fill("Watched from the start")
    page.get_by_label("Seeds").fill("3")
    expect(page.locator("#plan")).to_contain_text("18 runs asked, 12 unique")
    page.get_by_role("button", name="Start 12 runs").click()
    expect(page).to_have_url(re.compile(r"/experiments/\d+/$"))
    pk = int(page.url.split("/")[-2])
    expect(page.locator("body")).to_have_attribute("data-live", "live")
    page.evaluate("window.neverReloaded = true")

    expect(page.locator("#head [role=status]")).to_have_text("Running", timeout=30_000)
    lab.until(lambda: drawn(page) > 0)
    first = drawn(page)
    lab.until(lambda: drawn(page) > first + 50, 240)  # in between, MiniLM reads all texts

    experiment = lab.finished(pk, 420)
    expect(page.locator("#head [role=status]")).to_have_text("Done", timeout=30_000)
    group = experiment["result"]["groups"][1]
    assert group["state"] == "ok"
    pgr = f"{group['pgr']['value']:.2f}".lstrip("0")
    expect(page.locator("#result")).to_contain_text(pgr)
    assert page.evaluate("window.neverReloaded") is True
    assert drawn(page) == points(lab, pk)
    assert within_their_runs(page)


def test_a_page_ends_with_every_event_although_the_web_server_died_in_between(lab: Lab, page: Page) -> None:
    pk = lab.launch(slow())
    page.goto(f"{lab.url}/experiments/{pk}/")
    lab.until(lambda: drawn(page) > 5)
    lab.kill("w2s-web")
    expect(page.locator("#reconnecting")).to_be_visible(timeout=6_000)
    expect(page.locator("#reconnecting")).to_contain_text("Last update")
    expect(page.locator("body")).to_have_attribute("data-live", "live", timeout=30_000)
    expect(page.locator("#reconnecting")).to_be_hidden()
    before = drawn(page)
    lab.until(lambda: drawn(page) > before + 5)
    page.get_by_role("button", name="Stop", exact=True).click()
    expect(page.locator("#head [role=status]")).to_have_text("Stopped")
    lab.until(lambda: received(page) == sum(len(lab.events(run["run"])) for run in lab.experiment(pk)["runs"]))
    assert drawn(page) == points(lab, pk)
    assert within_their_runs(page)


def test_the_page_says_that_a_worker_died_and_that_the_run_went_on(lab: Lab, page: Page) -> None:
    pk = lab.launch(slow())
    page.goto(f"{lab.url}/experiments/{pk}/")
    lab.until(lambda: drawn(page) > 5)
    lab.kill("w2s-worker")
    expect(page.locator("#notes")).to_contain_text("gave no sign of life", timeout=60_000)
    run = lab.run(pk, "weak")["run"]
    lab.until(lambda: [event for event in lab.events(run) if event["kind"] == "started"][1:])
    page.goto(f"{lab.url}/runs/{run}/")
    expect(page.locator("#head")).to_contain_text("attempt 2")


def test_a_wrong_setting_is_said_at_its_field_and_nothing_typed_is_lost(lab: Lab, page: Page) -> None:
    before = lab.call("GET", "/experiments")[1]["total"]
    page.goto(f"{lab.url}/experiments/new/")
    page.get_by_label("Name", exact=True).fill("Half right")
    weight = page.locator(
        '[name="methods__1__confidence__weight"]'
    )  # other kinds have a field of this label too, which is not shown
    weight.fill("1.5")
    help_text = page.locator("#" + str(weight.get_attribute("aria-describedby")))
    expect(help_text).to_contain_text("1")
    expect(page.locator("#plan-act")).to_contain_text("One setting needs a fix")
    page.locator("#plan-act button.primary").click(force=True)  # it looks disabled and still answers with the form
    expect(page.get_by_label("Name", exact=True)).to_have_value("Half right")
    expect(weight).to_be_focused()
    expect(weight).to_be_in_viewport()
    expect(weight).to_have_value("1.5")
    assert lab.call("GET", "/experiments")[1]["total"] == before


def test_a_clone_is_a_filled_form_that_trains_nothing_when_nothing_is_changed(lab: Lab, page: Page) -> None:
    pk = lab.launch(quick(name="The original", seeds=2))
    lab.finished(pk)
    page.goto(f"{lab.url}/experiments/{pk}/")
    page.get_by_role("link", name="Clone").click()
    expect(page.get_by_label("Seeds")).to_have_value("2")
    expect(page.locator("#plan")).to_contain_text("there is nothing to train")
    page.get_by_role("button", name="Show the result").click()
    expect(page.locator("#head [role=status]")).to_contain_text("Done")
    expect(page.locator("#result")).to_contain_text("Accuracy")


def test_every_page_fits_a_phone(lab: Lab, page: Page) -> None:
    pk = lab.launch(quick(name="A name long enough to need a second line on a small screen", seeds=2))
    run = lab.finished(pk)["runs"][0]["run"]
    page.set_viewport_size({"width": 390, "height": 844})
    for path in (
        "/",
        "/experiments/",
        "/experiments/new/",
        f"/experiments/{pk}/",
        f"/experiments/new/?from={pk}",
        f"/runs/{run}/",
        "/nowhere",
    ):
        page.goto(f"{lab.url}{path}")
        assert overflow(page) == 0, path
    page.goto(f"{lab.url}/experiments/")
    page.get_by_label(f"Choose experiment {pk}", exact=True).check()
    page.locator("#bulk").get_by_role("button", name="Compare").click()
    expect(page).to_have_url(re.compile(rf"/compare/\?e={pk}$"))
    assert overflow(page) == 0


def test_the_keyboard_reaches_search_and_the_form(lab: Lab, page: Page) -> None:
    lab.launch(quick())
    page.goto(f"{lab.url}/experiments/")
    page.keyboard.press("/")
    assert page.evaluate("document.activeElement.type") == "search"
    page.keyboard.press("Escape")
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("n")
    expect(page).to_have_url(re.compile("/experiments/new/"))


def test_a_login_link_works_once(lab: Lab, page: Page) -> None:
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    page.context.clear_cookies()
    answer = page.goto(lab.login_link)
    assert answer is not None
    assert answer.status == 410 or "used" in page.content()
    page.goto(f"{lab.url}/")
    expect(page).to_have_url(re.compile("/login/"))


NOTED = """window.notified = [];
window.Notification = class {
  static permission = "default";
  static async requestPermission() { return this.permission = "granted"; }
  constructor(title, how) { window.notified.push([title, how.body]); }
};"""


def test_who_asked_for_it_is_notified_of_the_end_also_in_a_hidden_tab(lab: Lab, page: Page) -> None:
    page.add_init_script(NOTED)
    page.add_init_script("Object.defineProperty(document, 'hidden', {get: () => window.away === true})")
    pk = lab.launch(slow(name="Over night"))
    page.goto(f"{lab.url}/experiments/{pk}/")
    page.get_by_role("button", name="Notify me").click()
    expect(page.get_by_role("button", name="You will be notified")).to_be_visible()
    page.evaluate("window.away = true")
    lab.until(lambda: lab.run(pk, "weak")["step"] > 0)
    lab.call("POST", f"/experiments/{pk}/stop")
    lab.until(lambda: page.evaluate("window.notified.length"))
    assert page.evaluate("window.notified") == [["Over night", "Stopped"]]
