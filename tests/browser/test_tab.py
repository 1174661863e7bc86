"""The title and the icon of a tab, also of one that is hidden."""

import re

from playwright.sync_api import Page, expect

from tests.lab import Lab, slow

HIDDEN = "Object.defineProperty(document, 'hidden', {get: () => window.away === true})"


def icon(page: Page) -> str:
    return str(page.locator("link[rel=icon]").evaluate("link => link.href"))


def test_a_tab_shows_progress_and_a_hidden_one_the_end_within_half_a_minute(lab: Lab, page: Page) -> None:
    page.add_init_script(HIDDEN)
    page.clock.install()
    pk = lab.launch(slow(name="Over night"))
    page.goto(f"{lab.url}/experiments/{pk}/")
    expect(page).to_have_title(re.compile(rf"^\d+% · #{pk} Over night · "))
    assert "icon-running" in icon(page)
    run = lab.run(pk, "weak")["run"]
    page.evaluate("window.away = true")
    lab.call("POST", f"/experiments/{pk}/stop")
    lab.until(lambda: lab.experiment(pk)["state"] == "stopped")
    page.clock.fast_forward(30_000)
    expect(page).to_have_title(re.compile(rf"^stopped · #{pk} Over night · "))
    assert "icon-running" not in icon(page)
    page.goto(f"{lab.url}/runs/{run}/")
    expect(page).to_have_title(f"stopped · Run {run} · Weak-to-strong Lab")
