"""Django's admin site under the policy of the laboratory's pages, which the fixture ``page`` watches."""

from playwright.sync_api import Page

from tests.lab import Lab


def test_pages_of_the_admin_site_keep_the_policy(lab: Lab, page: Page) -> None:
    """They are Django's: this only opens them, under the policy of all pages."""
    paths = ["", "auth/user/", "auth/user/add/", "auth/group/", "auth/group/add/", "password_change/"]
    for path in paths:
        answer = page.goto(f"{lab.url}/admin/{path}")
        assert answer
        assert answer.status == 200, path
    page.goto(f"{lab.url}/admin/auth/user/")
    page.locator("#result_list tbody th a").first.click()
    page.get_by_role("link", name="History").click()
    page.wait_for_selector("#content")
