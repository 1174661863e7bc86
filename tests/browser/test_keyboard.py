"""Palette, help and home by keyboard alone."""

import re

from playwright.sync_api import Locator, Page, expect

from tests.lab import Lab, quick


def chosen(page: Page) -> Locator:
    return page.locator("#palette [role=option][aria-selected=true]")


def test_palette_and_help_are_used_by_keyboard_alone(lab: Lab, page: Page) -> None:
    pk = lab.launch(quick(name="A zebra among experiments"))
    run = lab.finished(pk)["runs"][0]["run"]
    page.goto(f"{lab.url}/runs/{run}/")
    page.goto(f"{lab.url}/queue/")
    page.keyboard.press("Control+k")
    field = page.get_by_role("combobox", name=re.compile("Search experiments"))
    expect(field).to_be_focused()
    expect(chosen(page)).to_contain_text(f"Run {run}")  # opened last
    page.keyboard.type("zebra")
    expect(chosen(page)).to_have_text(re.compile("A zebra among experiments"))
    expect(page.locator("#palette-status")).to_have_text("1 result")
    assert field.get_attribute("aria-activedescendant") == chosen(page).get_attribute("id")
    page.keyboard.press("Enter")
    page.wait_for_url(f"{lab.url}/experiments/{pk}/")  # loaded: a key before that has no effect

    page.keyboard.press("Control+k")
    page.keyboard.type("experiment")
    expect(page.locator("#palette-entries [data-text=experiment]")).to_be_visible()  # not the answer to a part of the word
    expect(chosen(page)).to_contain_text(f"{pk}")
    first = chosen(page).get_attribute("id")
    page.keyboard.press("ArrowDown")
    expect(chosen(page)).not_to_have_attribute("id", str(first))
    page.keyboard.press("ArrowUp")
    expect(chosen(page)).to_have_attribute("id", str(first))
    for _ in range(3):
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement === document.body || Boolean(document.activeElement.closest('#palette'))")
    page.keyboard.press("Escape")
    expect(page.locator("#palette")).to_be_hidden()


def test_the_palette_switches_the_theme_and_the_help_lists_the_keys_of_the_page(lab: Lab, page: Page) -> None:
    page.goto(f"{lab.url}/queue/")
    page.get_by_role("button", name="Search").focus()
    page.keyboard.press("Enter")
    page.keyboard.type("dark")
    expect(chosen(page)).to_contain_text("Switch between light and dark")
    theme = page.locator("html").get_attribute("data-theme")
    page.keyboard.press("Enter")
    expect(page.locator("html")).not_to_have_attribute("data-theme", str(theme))

    page.keyboard.press("?")
    help_ = page.get_by_role("dialog", name="Keyboard")
    expect(help_).to_contain_text("new experiment")
    expect(help_.get_by_text("write a tag")).to_be_hidden()  # not on this page
    expect(help_.get_by_text("zoom in, out on it")).to_be_hidden()
    page.get_by_label("keys without Ctrl work").uncheck()
    page.keyboard.press("Escape")
    page.keyboard.press("n")
    page.keyboard.press("?")
    expect(help_).to_be_hidden()
    page.keyboard.press("Control+k")
    page.keyboard.type("all keys")
    expect(chosen(page)).to_contain_text("Show all keys")
    page.keyboard.press("Enter")
    expect(help_).to_be_visible()
    page.get_by_label("keys without Ctrl work").check()
    page.keyboard.press("Escape")


def test_no_key_acts_while_text_is_typed_and_rows_are_opened_by_keys(lab: Lab, page: Page) -> None:
    pk = lab.launch(quick())
    page.goto(f"{lab.url}/experiments/")
    page.keyboard.press("/")
    page.keyboard.type("n?")
    expect(page.get_by_role("searchbox")).to_have_value("n?")
    page.goto(f"{lab.url}/experiments/")
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    expect(page).to_have_url(f"{lab.url}/experiments/{pk}/")
