"""The layout of a page in a browser."""

from typing import Any

from playwright.sync_api import Page


def overflow(page: Page) -> Any:
    return page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")


def scroll_through(page: Page) -> None:
    """Show every part of the page for some frames, since charts far from the screen are not drawn."""
    page.evaluate("""async () => {
      const frame = () => new Promise(requestAnimationFrame);
      for (let y = 0; y < document.documentElement.scrollHeight; y += 400) {
        scrollTo(0, y);
        for (let count = 0; count < 3; count++) await frame();
      }
      scrollTo(0, 0);
    }""")
