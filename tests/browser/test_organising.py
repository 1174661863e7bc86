"""Experiments of the list are chosen, tagged, saved as a view, compared and archived by keyboard alone."""

import re

from playwright.sync_api import Locator, Page, expect

from tests.lab import Lab, quick


def enter(button: Locator) -> None:
    button.focus()
    button.press("Enter")


def test_chosen_experiments_are_tagged_saved_as_a_view_compared_and_archived_by_keyboard(lab: Lab, page: Page) -> None:
    pks = [lab.call("POST", "/experiments", quick(name=f"Nightly {number}"))[1]["id"] for number in range(3)]
    page.goto(f"{lab.url}/experiments/?q=nightly")
    status = page.locator("#bulk [role=status]")
    expect(status).to_be_hidden()
    for _ in range(2):
        page.keyboard.press("j")
        page.keyboard.press("x")
    expect(status).to_have_text("2 chosen")
    page.get_by_label("Tag for the chosen experiments").focus()
    page.keyboard.type("regression")
    page.keyboard.press("Enter")
    expect(page.get_by_text("2 experiments tagged.")).to_be_visible()
    expect(page).to_have_url(f"{lab.url}/experiments/?q=nightly")

    enter(page.get_by_role("link", name="regression").first)
    expect(page).to_have_url(f"{lab.url}/experiments/?tag=regression")
    enter(page.locator("summary", has_text="Save this view"))
    page.get_by_label("Name of the view").focus()
    page.keyboard.type("Regressions")
    page.keyboard.press("Enter")
    view = page.get_by_role("link", name="Regressions")
    expect(view).to_have_attribute("aria-current", "true")

    page.get_by_label("Choose all of this page").focus()
    page.keyboard.press("Space")
    expect(status).to_have_text("2 chosen")
    enter(page.locator("#bulk").get_by_role("button", name="Compare"))
    expect(page).to_have_url(re.compile(rf"/compare/\?e={pks[2]}&e={pks[1]}$"))
    page.go_back()
    expect(status).to_have_text("2 chosen")
    enter(page.locator("#bulk").get_by_role("button", name="Archive", exact=True))
    expect(page.get_by_text("2 experiments archived.")).to_be_visible()
    expect(page.get_by_text("No experiment matches.")).to_be_visible()
    page.goto(f"{lab.url}/experiments/?q=nightly")
    enter(view)
    expect(page).to_have_url(f"{lab.url}/experiments/?tag=regression")


def test_what_is_chosen_stays_chosen_when_the_list_is_renewed_and_a_deletion_is_confirmed(lab: Lab, page: Page) -> None:
    pks = [lab.call("POST", "/experiments", quick(name=f"Scrapped {number}"))[1]["id"] for number in range(3)]
    page.goto(f"{lab.url}/experiments/?q=scrapped")
    boxes = page.locator("input[form=bulk][type=checkbox]")
    boxes.nth(0).click()
    boxes.nth(2).click(modifiers=["Shift"])
    expect(page.locator("#bulk [role=status]")).to_have_text("3 chosen")
    lab.call("PATCH", f"/experiments/{pks[1]}", {"name": "Scrapped and renamed"})
    expect(page.get_by_text("Scrapped and renamed")).to_be_visible()
    expect(page.locator("#bulk [role=status]")).to_have_text("3 chosen")
    page.get_by_role("button", name="Delete…").click()
    expect(page.get_by_role("heading", name="Delete 3 experiments?")).to_be_visible()
    page.get_by_role("button", name="Delete 3 experiments").click()
    expect(page.get_by_text("3 experiments deleted.")).to_be_visible()
    assert [lab.call("GET", f"/experiments/{pk}")[0] for pk in pks] == [404, 404, 404]
