"""The home page of an empty laboratory leads to its first experiment."""

import re
from pathlib import Path

from playwright.sync_api import Browser, expect

from tests.lab import Lab


def test_an_empty_laboratory_leads_to_its_first_experiment_by_keyboard(browser: Browser, tmp_path: Path) -> None:
    with Lab(tmp_path) as empty:
        context = browser.new_context()
        context.add_cookies([{"name": cookie.name, "value": str(cookie.value), "url": empty.url} for cookie in empty.jar])
        page = context.new_page()
        page.goto(empty.url)
        expect(page.get_by_role("heading", name="Nothing has run here yet.")).to_be_visible()
        page.get_by_role("button", name="Start the first experiment").focus()
        page.keyboard.press("Enter")
        expect(page).to_have_url(re.compile(r"/experiments/1/"))
        page.goto(empty.url)
        expect(page.locator("#running-1").get_by_role("button", name="Stop experiment 1")).to_be_visible(timeout=30_000)
        context.close()
