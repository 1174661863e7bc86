"""An experiment on written answers in a browser: its list is filtered, an example is read, and axe finds nothing wrong."""

import re

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.lab import Lab

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

MADE = """
from django.db import transaction
from tests.factories.written_experiments import make_dataset, written
from webapp.pages.accounts.one_time_links import first_account
make_dataset()
with transaction.atomic():  # so that no worker ever sees one of its runs in the queue
    experiment = written(first_account())
print(f"experiment {experiment.pk}")
"""


def serious(page: Page) -> list[str]:
    violations = Axe().run(page, options={"resultTypes": ["violations"]}).response["violations"]
    return [f"{rule['id']}: {rule['nodes'][0]['html'][:200]}" for rule in violations if rule["impact"] in ("serious", "critical")]


def test_answers_are_brushed_searched_and_compared_with_their_reference(lab: Lab, page: Page) -> None:
    pk = int(lab.manage("shell", "-c", MADE).split()[-1])
    page.goto(f"{lab.url}/experiments/{pk}/examples/")
    expect(page.locator(".written-table tbody tr").first).to_contain_text("What is")
    assert serious(page) == []

    page.get_by_label("Student log-prob., to").fill("-2")
    page.get_by_label("Student log-prob., to").press("Enter")
    expect(page).to_have_url(re.compile(r"student_log_max=-2"))
    fewer = int(page.locator(".matches b").inner_text().split()[0])
    assert 0 < fewer < 120
    page.get_by_label("Search prompts and answers").fill("do not know")
    expect(page).to_have_url(re.compile(r"q=do"))
    expect(page.locator(".written-table mark").first).to_be_visible()
    assert int(page.locator(".matches b").inner_text().split()[0]) <= fewer

    page.locator(".example-text").first.click()
    expect(page.locator(".written-answers ins").first).to_be_visible()
    expect(page.locator(".written-answers del").first).to_be_visible()
    assert serious(page) == []
    page.set_viewport_size({"width": 390, "height": 844})
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert serious(page) == []
