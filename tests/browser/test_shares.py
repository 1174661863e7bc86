"""Pages of shares that stand open in a browser when what opened them ends: they are emptied, and say so."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.factories.browser_experiments import link, made_up, shared
from tests.lab import Lab

pytestmark = pytest.mark.browser

PROMISED_MS = 5_000
NOTICE = "This page is not open any more."
WHY = "Its link has expired or was revoked, you are no longer logged in, or what it showed was deleted."


@pytest.fixture(scope="module")
def experiment(shared_lab: Lab) -> int:
    return made_up(shared_lab, 1001)[0]


@pytest.fixture
def visitor(browser: Browser) -> Iterator[BrowserContext]:
    """Somebody without an account; the pages must break nothing on their way out."""
    context = browser.new_context()
    wrong: list[str] = []
    context.on("weberror", lambda error: wrong.append(str(error.error)))
    yield context
    context.close()
    assert wrong == []


def opened(context: BrowserContext, address: str) -> Page:
    page = context.new_page()
    page.goto(address)
    expect(page.locator("body")).to_have_attribute("data-open", "yes")
    return page


def is_emptied(page: Page) -> None:
    """Within the time that is promised nothing is left of the page but why."""
    expect(page.get_by_role("heading", name=NOTICE)).to_be_visible(timeout=PROMISED_MS)
    assert " ".join(page.locator("body").inner_text().split()) == f"{NOTICE} {WHY} Try to open it again"
    assert page.locator("body script, body template, body svg, body canvas").count() == 0
    assert page.title() == NOTICE


def test_open_frozen_pages_are_emptied_within_five_seconds_of_the_revocation(
    lab: Lab, experiment: int, visitor: BrowserContext
) -> None:
    slug = shared(lab, experiment)
    number, address = link(lab, slug)
    visitor.new_page().goto(address)
    visitor.pages[0].wait_for_url(f"{lab.url}/shared/{slug}/")
    token = address.rstrip("/").rpartition("/")[2]
    pages = [opened(visitor, f"{lab.url}/shared/{slug}/{path}") for path in ("", "v1/", "examples/", "v1/examples/?cell=5&q=the")]
    pages.append(opened(visitor, f"{lab.url}/e/{token}/gap/"))
    lab.call("DELETE", f"/links/{number}")
    for page in pages:
        is_emptied(page)
    pages[0].goto("about:blank")
    pages[0].go_back()
    expect(pages[0].get_by_role("heading", name="Nothing is open here.")).to_be_visible()


def test_a_frozen_page_asks_again_after_a_sleep_and_a_server_that_was_away_and_is_emptied_when_its_link_expires(
    lab: Lab, experiment: int, visitor: BrowserContext
) -> None:
    slug = shared(lab, experiment)
    number, address = link(lab, slug)
    visitor.new_page().goto(address)
    visitor.pages[0].wait_for_url(f"{lab.url}/shared/{slug}/")
    page = opened(visitor, f"{lab.url}/shared/{slug}/")
    page.evaluate("delete document.body.dataset.open; Date.now = (now => () => now() + 60_000)(Date.now)")  # as after a sleep
    expect(page.locator("body")).to_have_attribute("data-open", "yes")
    page.evaluate("delete document.body.dataset.open")
    lab.kill("w2s-web")
    expect(page.locator("body")).to_have_attribute("data-open", "yes", timeout=30_000)
    expires = f"Link.objects.filter(pk={number}).update(expires_at=timezone.now() - timedelta(seconds=1))"
    imports = "from datetime import timedelta; from django.utils import timezone; from webapp.shares.models import Link"
    lab.manage("shell", "-c", f"{imports}; {expires}")
    is_emptied(page)


def test_a_live_page_is_emptied_when_its_link_is_revoked(lab: Lab, experiment: int, visitor: BrowserContext) -> None:
    slug = shared(lab, experiment, live=True)
    number, address = link(lab, slug)
    page = visitor.new_page()
    page.goto(address)
    expect(page.locator("body")).to_have_attribute("data-live", "live")
    lab.call("DELETE", f"/links/{number}")
    is_emptied(page)


def test_a_live_page_is_loaded_again_when_its_author_takes_the_curves_away(
    lab: Lab, experiment: int, visitor: BrowserContext
) -> None:
    slug = shared(lab, experiment, live=True)
    page = visitor.new_page()
    page.goto(link(lab, slug)[1])
    expect(page.locator("body")).to_have_attribute("data-live", "live")
    expect(page.locator("#curves-0")).to_have_count(1)
    change = f"share = Share.objects.get(slug='{slug}'); share.choices['curves'] = False; share.save()"
    lab.manage("shell", "-c", f"from webapp.shares.models import Share; {change}")
    expect(page.locator("#curves-0")).to_have_count(0, timeout=PROMISED_MS)
    expect(page.locator("body")).to_have_attribute("data-open", "yes")
    expect(page.locator(".abstract")).to_have_count(1)


def test_pages_of_an_account_are_emptied_when_it_logs_out(lab: Lab, experiment: int, page: Page) -> None:
    slug = shared(lab, experiment)
    imports = "from django.contrib.auth.models import User"
    lab.manage("shell", "-c", f"{imports}; User.objects.create_user('kay', password='smalltalk-80')")
    page.context.clear_cookies()
    page.goto(f"{lab.url}/login/")
    page.get_by_label("Name", exact=True).fill("kay")
    page.get_by_label("Password").fill("smalltalk-80")
    page.keyboard.press("Enter")
    page.wait_for_url(f"{lab.url}/")
    frozen = opened(page.context, f"{lab.url}/shares/{slug}/")
    page.goto(f"{lab.url}/experiments/{experiment}/")
    expect(page.locator("body")).to_have_attribute("data-live", "live")
    last = page.context.new_page()
    last.goto(lab.url)
    last.locator("details.menu summary").click()
    last.get_by_role("button", name="Log out").click()
    for view in (frozen, page):
        is_emptied(view)
