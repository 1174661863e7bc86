"""The layout of a page in a browser."""

from typing import Any

from playwright.sync_api import Page


def overflow(page: Page) -> Any:
    return page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
