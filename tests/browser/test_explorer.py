"""The pages of disagreements by mouse and by keyboard: from the matrix to one example and back."""

import csv
import io
import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.lab import Lab, quick


def count(page: Page) -> int:
    """Return the number of examples that the page states."""
    return int(page.locator(".matches b").inner_text().split()[0].replace(",", ""))


MADE = """
from django.db import transaction
from tests.factories.explored_experiments import explored, with_features
from webapp.pages.accounts.one_time_links import first_account
with transaction.atomic():  # so that no worker ever sees one of its runs in the queue
    experiment = explored(first_account(), data={"split_seed": 1000})  # not the runs that others train
with_features(experiment)
print(f"experiment {experiment.pk}")
"""


def brush_the_map(lab: Lab, page: Page) -> str:
    """A rectangle drawn on the map is a filter and an address: of an experiment with features made up. Returns the address."""
    pk = int(lab.manage("shell", "-c", MADE).split()[-1])
    page.goto(f"{lab.url}/experiments/{pk}/examples/")
    expect(page.locator(".canvas")).to_have_count(0)
    page.get_by_role("link", name="Map of the student’s features").click()
    expect(page.locator(".canvas circle")).to_have_count(300)
    page.wait_for_load_state()

    # Left half, from outside the picture's edge on: the end at the edge stays open.
    box = page.locator(".canvas").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 10)
    page.mouse.down()
    page.mouse.move(box["x"] - 30, box["y"] + box["height"] - 20)
    page.mouse.up()
    expect(page).to_have_url(re.compile(r"x_max=.*y_min=.*y_max="))
    assert "x_min" not in page.url
    expect(page.locator(".canvas .chosen")).to_be_visible()
    inside = count(page)
    assert 0 < inside < 300
    assert page.locator(".canvas circle").count() == 300

    # It stays open and brushed while one filters, and for who comes by the address.
    page.locator("#cell-1").click()
    expect(page).to_have_url(re.compile(r"cell=1"))
    expect(page.locator(".canvas .chosen")).to_be_visible()
    assert 0 < count(page) < inside
    page.reload()
    expect(page.locator(".canvas .chosen")).to_be_visible()
    address = page.url

    # By keyboard: the four numbers.
    before = count(page)
    page.get_by_label("First component, to").fill("")
    page.get_by_label("First component, to").press("Tab")
    expect(page).not_to_have_url(re.compile(r"x_max"))
    assert count(page) > before

    page.locator(".canvas circle").nth(7).click(force=True)
    expect(page).to_have_url(re.compile(r"/examples/\d+/\?.*map=shown"))
    return address


def choose_by_mouse(page: Page) -> None:
    """Choose a cell, a range of lengths and a search by mouse."""
    total, cell = count(page), page.locator("#cell-8 .n").inner_text()
    page.locator("#cell-8").click()
    expect(page.locator(".matches b")).to_contain_text(f"{cell} of {total:,}")
    expect(page).to_have_url(re.compile(r"cell=8"))
    before = count(page)
    box = page.locator("#hist-length .brushed").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 0.26 * box["width"], box["y"] + 20)
    page.mouse.down()
    page.mouse.move(box["x"] + 0.6 * box["width"], box["y"] + 20)
    page.mouse.up()
    expect(page).to_have_url(re.compile(r"length_min=\d+.*length_max=\d+"))
    assert 0 < count(page) < before
    expect(page.locator("#hist-length .chosen")).to_be_visible()
    page.get_by_placeholder("Search the text").press_sequentially("the", delay=30)
    expect(page).to_have_url(re.compile(r"q=the"))
    assert page.evaluate("document.activeElement.id") == "search"
    expect(page.locator("mark").first).to_have_text(re.compile("the", re.IGNORECASE))


def choose_a_gold_label(page: Page) -> None:
    """The section on other models stays open or closed, and keeps its models out of the address, while a filter changes."""
    fold = page.locator(".compare")
    assert fold.evaluate("fold => fold.open") is False
    assert "ceiling=" not in page.url
    fold.locator("summary").click()
    page.get_by_label("Gold label").select_option("1")
    expect(page).to_have_url(re.compile(r"gold=1"))
    assert fold.evaluate("fold => fold.open") is True
    page.get_by_label("Gold label").select_option("")
    expect(page).not_to_have_url(re.compile(r"gold=1"))


def export(page: Page) -> None:
    """Exported rows are the shown rows."""
    shown = count(page)
    with page.expect_download() as download:
        page.get_by_role("link", name="CSV").click()
    rows = list(csv.DictReader(io.StringIO(Path(download.value.path()).read_text(encoding="utf-8"))))
    assert len(rows) == shown
    assert {row["cell"] for row in rows} == {"8"}
    listed = [str(row.get_attribute("id")).removeprefix("row-") for row in page.locator("#examples tbody tr").all()]
    assert [row["id"] for row in rows][: len(listed)] == listed


def write_by_keyboard(page: Page) -> str:
    """Go from a cell through the list to an example by keyboard, write a tag and a note, and return the example's address."""
    sizes = {cell: page.locator(f"#cell-{cell} .n").inner_text() for cell in "1234567"}
    fullest = max(sizes, key=lambda cell: int(sizes[cell].replace(",", "")))
    page.keyboard.press(fullest)
    expect(page.locator(".matches b")).to_contain_text(f"{sizes[fullest]} of ")
    page.keyboard.press("j")
    page.keyboard.press("j")
    page.keyboard.press("k")
    expect(page.locator("tr.current")).to_have_count(1)
    page.keyboard.press("Enter")
    expect(page.locator(".walk")).to_contain_text("1 of")
    expect(page.locator("#trajectory-chart svg")).to_be_visible()
    page.keyboard.press("j")
    expect(page.locator(".walk")).to_contain_text("2 of")
    page.wait_for_load_state()
    page.keyboard.press("t")
    page.keyboard.type("irony")
    page.keyboard.press("Enter")
    expect(page.locator(".tag.on")).to_have_text("irony")
    page.keyboard.press("c")
    page.keyboard.type("The second clause takes it back.")
    page.get_by_role("button", name="Save the note").click()
    expect(page.locator(".written")).to_contain_text("takes it back")
    page.get_by_role("button", name="Compute for the three models").click()
    expect(page.locator(".weights mark").first).to_be_visible(timeout=60_000)
    permalink = page.url.partition("#")[0]
    page.keyboard.press("u")
    page.wait_for_url(re.compile(rf"/examples/\?cell={fullest}"))
    page.get_by_label("Tag").select_option("irony")
    expect(page.locator("#examples tbody tr")).to_have_count(1)
    page.go_back()
    expect(page.locator("#examples tbody tr")).not_to_have_count(1)
    return permalink


def open_as_another_member(lab: Lab, browser: Browser, permalink: str) -> None:
    """Another member opens the address and sees tag, note and attribution."""
    lab.manage(
        "shell", "-c", "from django.contrib.auth.models import User; User.objects.create_user('grace', password='nanoseconds')"
    )
    other = browser.new_context().new_page()
    other.goto(permalink)
    other.get_by_label("Name", exact=True).fill("grace")
    other.get_by_label("Password").fill("nanoseconds")
    other.keyboard.press("Enter")
    expect(other).to_have_url(permalink)
    expect(other.locator(".tag.on")).to_have_text("irony")
    expect(other.locator(".written")).to_contain_text("admin")
    expect(other.locator(".weights > div")).to_have_count(3)
    other.context.close()


@pytest.mark.timeout(300)
def test_from_the_matrix_to_an_example_and_back_by_mouse_and_keyboard(lab: Lab, page: Page, browser: Browser) -> None:
    """One long test, since training for it takes most of the time."""
    pk = lab.launch(quick(weak={"models": ["bag-of-words"], "epochs": 1}, seeds=2))
    lab.finished(pk)
    page.goto(f"{lab.url}/experiments/{pk}/")
    page.get_by_role("link", name="Disagreements").click()
    page.wait_for_url(re.compile("/examples/$"))
    home = page.url
    choose_by_mouse(page)
    choose_a_gold_label(page)
    export(page)
    page.goto(home)
    permalink = write_by_keyboard(page)
    open_as_another_member(lab, browser, permalink)
    mapped = brush_the_map(lab, page)
    page.set_viewport_size({"width": 390, "height": 844})
    for address in (home, permalink, mapped, f"{home}marked/", f"{home}?split=transfer&sort=blind"):
        page.goto(address)
        assert page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") == 0, address
