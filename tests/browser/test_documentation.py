"""The documentation in a browser: found in the menu, its own scripts run under the laboratory's policy, and nothing overflows."""

from urllib.parse import urljoin

from playwright.sync_api import Page, expect

from tests.browser.layout import overflow
from tests.docs.build import build
from tests.lab import Lab


def test_the_documentation_is_reached_from_the_menu_searched_and_read_in_the_dark(lab: Lab, page: Page) -> None:
    build(lab.data_dir / "docs")
    page.reload()
    page.locator("header details.menu summary").click()
    page.get_by_role("link", name="Docs").click()
    expect(page.get_by_role("heading", name="Weak-to-strong Lab")).to_be_visible()
    page.wait_for_load_state()
    page.get_by_role("textbox", name="Search").click()
    page.keyboard.type("lease")
    expect(page.locator(".md-search-result__item").first).to_contain_text("lease", ignore_case=True)
    page.keyboard.press("Escape")
    page.get_by_title("Switch to dark").click()
    for path in {link.get_attribute("href") or "" for link in page.locator(".md-nav--primary a.md-nav__link[href]").all()}:
        if not path.startswith("#"):
            page.goto(urljoin(f"{lab.url}/docs/", path))  # each keeps the policy, which the page's context watches
    for path in ("/docs/tutorial/", "/docs/reference/environment/", "/docs/explanation/architecture/"):
        page.goto(f"{lab.url}{path}")
        expect(page.locator("body")).to_have_attribute("data-md-color-scheme", "slate")
        page.set_viewport_size({"width": 390, "height": 844})
        assert overflow(page) == 0, path
