"""Headless Chromium in front of a whole laboratory: real ASGI server, real worker, real broker, real training."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pytest
from playwright._impl._api_structures import SetCookieParam
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Request, expect, sync_playwright

from tests.chromium import LAUNCH
from tests.lab import Lab

expect.set_options(timeout=20_000)  # Playwright's five seconds are too few where runs train on the same cores


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Not for the whole session: while it is there, Playwright's event loop runs, beside which no other test's can."""
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(**LAUNCH)
        yield chromium
        chromium.close()


@pytest.fixture(scope="session")
def cookies(shared_lab: Lab) -> list[SetCookieParam]:
    """The cookies of a logged-in account."""
    return [{"name": cookie.name, "value": str(cookie.value), "url": shared_lab.url} for cookie in shared_lab.jar]


POLICY = "Content Security Policy"
VIOLATIONS = f"""document.addEventListener("securitypolicyviolation", (event) => console.error(
  "{POLICY}:", event.documentURI, event.violatedDirective, event.blockedURI, event.sourceFile, event.lineNumber));"""
"""Reports a violation to the console also where the browser itself does not."""


@contextmanager
def watched(browser: Browser, home: str, cookies: Sequence[SetCookieParam] = (), **options: Any) -> Iterator[BrowserContext]:
    """A context of pages of ``home``, logged in by ``cookies``; at its end all of them must have been well-behaved."""
    context = browser.new_context(**options)
    context.add_cookies(cookies)
    record = Watched(context, home)
    yield context
    context.close()
    assert record.wrong == []


class Watched:
    """A record of what a page must never do: break its own policy, throw an error, or request anything from another host."""

    def __init__(self, context: BrowserContext, home: str) -> None:
        self.wrong: list[str] = []
        self.home = home
        context.add_init_script(VIOLATIONS)
        context.on("weberror", lambda error: self.wrong.append(str(error.error)))
        context.on("console", self._console)
        context.on("request", self._request)

    def _console(self, message: ConsoleMessage) -> None:
        if POLICY in message.text:
            self.wrong.append(message.text)

    def _request(self, request: Request) -> None:
        if not request.url.startswith((self.home, "data:", "blob:")):
            self.wrong.append(f"a request to {request.url}")


@pytest.fixture
def page(browser: Browser, lab: Lab, cookies: list[SetCookieParam]) -> Iterator[Page]:
    """The list of experiments, of somebody who is logged in; afterwards the page must have been well-behaved."""
    with watched(browser, lab.url, cookies, viewport={"width": 1280, "height": 900}) as context:
        page = context.new_page()
        page.goto(lab.url)
        yield page
