"""Bringing data in the browser: the file, its columns, the checks, the report, the library, and an experiment on it."""

import re
from pathlib import Path

from playwright.sync_api import Page, expect

from tests.browser.layout import overflow
from tests.factories.imports import content, sums
from tests.lab import Lab


def chosen(lab: Lab, page: Page, path: Path) -> None:
    page.goto(f"{lab.url}/datasets/upload/")
    page.get_by_label("File").set_input_files(path)
    page.get_by_role("button", name="Upload").click()


def test_from_a_file_to_an_experiment_on_it(lab: Lab, page: Page, tmp_path: Path) -> None:
    path = tmp_path / "My notes.csv"
    path.write_bytes(content(400))
    page.goto(f"{lab.url}/")
    page.get_by_role("link", name="Data sets").first.click()
    page.get_by_role("link", name="Add your own").click()
    chosen(lab, page, path)
    expect(page).to_have_url(re.compile(r"/datasets/imports/\d+/$"), timeout=30_000)
    expect(page.get_by_label("Label", exact=True)).to_have_value("verdict")
    page.get_by_label("Text", exact=True).fill(r"{body}\nIs it so?")
    page.get_by_role("button", name="Check My notes.csv").click()
    expect(page.get_by_role("heading", name="Save", exact=True)).to_be_visible(timeout=60_000)  # it comes by itself
    expect(page.get_by_label("Name", exact=True)).to_have_value("my-notes")
    page.set_viewport_size({"width": 390, "height": 844})
    assert overflow(page) == 0
    page.get_by_role("button", name="Save the data set").click()
    expect(page).to_have_url(re.compile("/datasets/my-notes/$"))
    expect(page.locator("main")).to_contain_text("expect wide intervals")
    for path_ in ("/datasets/", "/datasets/boolq/", "/datasets/upload/", "/datasets/my-notes/"):
        page.goto(f"{lab.url}{path_}")
        assert overflow(page) == 0, path_
    page.goto(f"{lab.url}/datasets/my-notes/")
    page.get_by_role("link", name="New experiment").click()
    expect(page.get_by_label("Data set", exact=True)).to_have_value("my-notes")
    expect(page.locator("#plan")).to_contain_text("runs asked")
    pk = lab.launch(
        {"name": "On my notes", "seeds": 1, "data": {"name": "my-notes"}, "methods": [{"kind": "naive"}]}
        | {role: {"models": ["bag-of-words"], "epochs": 2} for role in ("weak", "strong")}
    )
    lab.finished(pk)
    page.goto(f"{lab.url}/experiments/{pk}/")
    expect(page.locator("#notes")).to_contain_text("There are only 400 rows: expect wide intervals.")


def test_prompts_and_answers_from_a_file_with_every_mistake_to_a_data_set(lab: Lab, page: Page, tmp_path: Path) -> None:
    path = tmp_path / "sums.csv"
    path.write_bytes(sums(150, "What is one?,,1,words", "What is two?,two,1,words", f"What is three?,{'3' * 60},1,words"))
    chosen(lab, page, path)
    expect(page.locator(".options [aria-current]")).to_have_text("a prompt and its answer", timeout=30_000)
    expect(page.get_by_label("Prompt", exact=True)).to_have_value("question")
    expect(page.get_by_label("Answer", exact=True)).to_have_value("number")

    page.get_by_label("Answer", exact=True).select_option("pattern")
    page.get_by_label("Regular expression", exact=True).fill("(")
    page.get_by_role("button", name="Check sums.csv").click()
    expect(page.locator("#help-pattern")).to_contain_text("The regular expression cannot be read: missing )")
    page.get_by_label("Regular expression", exact=True).fill("#### (.*)")
    page.get_by_role("button", name="Check sums.csv").click()
    expect(page.locator("#help-pattern")).to_contain_text("Nothing is found in any of the first 8 answers, such as “1”.")

    page.get_by_label("Answer", exact=True).select_option("number")
    page.get_by_label("Regular expression", exact=True).fill("")
    page.get_by_label("Longest answer", exact=True).fill("40")
    page.get_by_label("Further columns", exact=True).fill("topic")
    page.get_by_role("button", name="Check sums.csv").click()
    message = page.locator("#import .message.bad")
    expect(message).to_contain_text("the answer is empty in 1 of 153 rows, first in row 151", timeout=60_000)
    expect(message).to_contain_text("the rule (Last number) finds no answer in 1 of 153 rows, first in row 152: “two”")
    expect(message).to_contain_text("the answer has more than 40 characters in 1 of 153 rows, first in row 153 with 60")

    page.locator("#skip").check()
    page.get_by_role("button", name="Check sums.csv").click()
    expect(page.get_by_role("heading", name="Save", exact=True)).to_be_visible(timeout=60_000)
    page.get_by_role("button", name="Save the data set").click()
    expect(page).to_have_url(re.compile("/datasets/sums/$"))
    for width in (1280, 390):
        page.set_viewport_size({"width": width, "height": 844})
        assert overflow(page) == 0, width
    expect(page.locator(".samples tbody tr").first).to_contain_text("What is")


def test_a_file_that_cannot_be_read_is_said_on_the_page_and_another_may_be_chosen(lab: Lab, page: Page, tmp_path: Path) -> None:
    path = tmp_path / "notes.csv"
    path.write_bytes(b"PK\x03\x04 packed")
    chosen(lab, page, path)
    expect(page.locator("#upload-error")).to_contain_text("The file is compressed (zip).", timeout=30_000)
    path.write_bytes(content())
    page.get_by_label("File").set_input_files(path)
    page.get_by_role("button", name="Upload").click()
    expect(page).to_have_url(re.compile(r"/datasets/imports/\d+/$"), timeout=30_000)


def test_checks_can_be_stopped_and_say_so(lab: Lab, page: Page, tmp_path: Path) -> None:
    path = tmp_path / "long.csv"
    path.write_bytes(content(200_000))
    chosen(lab, page, path)
    page.get_by_role("button", name="Check long.csv").click(timeout=30_000)
    expect(page.locator("#import [role=progressbar]")).to_be_visible()
    page.get_by_role("button", name="Stop", exact=True).click()
    expect(page.locator("#import [role=status]")).to_have_text("Stopped", timeout=30_000)
    lab.until(lambda: not lab.processes("training", "data"))
