"""The home page follows what happens without a reload, and leads an empty laboratory to its first experiment."""

import re
from pathlib import Path

from playwright.sync_api import Browser, Page, expect

from tests.lab import Lab, quick, slow

AWAY = """
from datetime import timedelta
from django.db.models import F
from webapp.accounts.models import HomeVisit
HomeVisit.objects.update(seen_at=F("seen_at") - timedelta(hours=1))
"""


def test_what_runs_and_what_ended_since_the_last_visit_are_shown_as_they_change(lab: Lab, page: Page) -> None:
    lab.call("POST", "/experiments", quick(name="A draft for later"))
    page.goto(lab.url)
    lab.manage("shell", "-c", AWAY)
    pk = lab.launch(slow(name="In the background"))
    lab.until(lambda: lab.experiment(pk)["state"] == "running")
    page.goto(lab.url)
    page.evaluate("window.loaded = 'once'")
    sections = {name: page.locator("section", has=page.get_by_role("heading", name=name)) for name in ("Ended", "Your drafts")}
    news = sections["Ended"].locator(".section-head .note")
    expect(news).to_contain_text(re.compile(r"since your last visit, 1(\.\d)? h ago"))
    expect(sections["Your drafts"]).to_contain_text("A draft for later")

    row = page.locator(f"#running-{pk}")
    bar = row.get_by_role("progressbar")
    expect(row).to_contain_text(re.compile(r"\d of 3 runs done"))
    expect(bar).to_have_attribute("aria-valuenow", re.compile(r"[1-9]"), timeout=30_000)
    before = bar.get_attribute("aria-valuenow")
    expect(bar).not_to_have_attribute("aria-valuenow", str(before), timeout=30_000)
    expect(row).to_contain_text(re.compile(r"about .+ left"), timeout=30_000)
    expect(page).to_have_title(re.compile(r"^\d+% · \d+ running"))

    lab.call("POST", f"/experiments/{pk}/stop")
    ended = page.locator(f"#ended-{pk}")
    expect(ended).to_contain_text("Stopped", timeout=30_000)
    expect(ended).to_contain_text("new")
    expect(row).to_be_hidden()
    expect(news).to_contain_text(re.compile(r"\d stopped.* since your last visit"))
    assert page.evaluate("window.loaded") == "once", "without a reload"


def test_an_empty_laboratory_leads_to_its_first_experiment_by_keyboard(browser: Browser, tmp_path: Path) -> None:
    with Lab(tmp_path) as empty:
        context = browser.new_context()
        context.add_cookies([{"name": cookie.name, "value": str(cookie.value), "url": empty.url} for cookie in empty.jar])
        page = context.new_page()
        page.goto(empty.url)
        expect(page.get_by_role("heading", name="Nothing has run here yet.")).to_be_visible()
        page.get_by_role("button", name="Start the first experiment").focus()
        page.keyboard.press("Enter")
        expect(page).to_have_url(re.compile(r"/experiments/1/"), timeout=30_000)  # the launch checks every model first
        page.goto(empty.url)
        expect(page.locator("#running-1").get_by_role("button", name="Stop experiment 1")).to_be_visible(timeout=30_000)
        context.close()
