"""axe-core over every page, in both themes, on a desk and on a phone: nothing serious or critical is wrong with any."""

from collections.abc import Iterator
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright._impl._api_structures import SetCookieParam
from playwright.sync_api import Browser, Page

from tests.factories.browser_experiments import link, made_up, shared
from tests.lab import Lab, quick, slow

pytestmark = [pytest.mark.browser, pytest.mark.timeout(900)]

FAILS = {"serious", "critical"}
MISMATCH = "label-content-name-mismatch"
"""Not on by default: a button whose name is not what it says cannot be pressed by voice."""

OPTIONS: dict[str, Any] = {"rules": {MISMATCH: {"enabled": True}}, "resultTypes": ["violations"]}
OF_COLOURS = ("color-contrast", "link-in-text-block")
"""The rules whose answer depends on the theme."""

THEMES = {"light": OPTIONS, "dark": OPTIONS | {"runOnly": {"type": "rule", "values": OF_COLOURS}}}
WIDTHS = (1280, 390)
STILL = "*, *::before, *::after { animation: none !important; transition: none !important; }"
"""A colour that is on its way to another one is neither of them."""


@pytest.fixture(scope="module")
def made(shared_lab: Lab) -> tuple[int, int]:
    return made_up(shared_lab, 1002)


@pytest.fixture
def guest(browser: Browser) -> Iterator[Page]:
    """Somebody without an account."""
    context = browser.new_context()
    yield context.new_page()
    context.close()


@pytest.fixture
def member(browser: Browser, lab: Lab, cookies: list[SetCookieParam]) -> Iterator[Page]:
    context = browser.new_context()
    context.add_cookies(cookies)
    yield context.new_page()
    context.close()


def wrong_with(page: Page) -> list[str]:
    """Return the violations of the page as it stands, in each theme and width, with the element and what would mend it."""
    page.add_style_tag(content=STILL)
    page.evaluate(Axe().axe_script)
    lines = []
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 800})
        for theme, options in THEMES.items():
            page.evaluate("theme => { document.documentElement.dataset.theme = theme; }", theme)
            violations: list[dict[str, Any]] = page.evaluate("options => axe.run(options)", options)["violations"]
            lines += [
                f"{page.url} {theme} {width}: {rule['id']} at {node['target'][0]}: {node.get('failureSummary', '')}"
                for rule in violations
                if rule["impact"] in FAILS or rule["id"] == MISMATCH
                for node in rule["nodes"]
            ]
    return lines


def opened(page: Page, address: str, there: str = "h1") -> list[str]:
    """Return the violations of the page of this address once ``there`` is on it."""
    page.goto(address)
    page.wait_for_selector(there, state="attached")
    return wrong_with(page)


def sent(page: Page, form: str, **fields: str) -> list[str]:
    """Return the violations of the page that answers a form with these values, past the browser's own checks."""
    for name, value in fields.items():
        page.locator(f"{form} [name={name}]").fill(value)
    # A preview may change the address of the page as it stands, so what is waited for is another document.
    page.evaluate("form => { window.asked = true; document.querySelector(form).submit(); }", form)
    page.wait_for_function("window.asked === undefined && document.readyState === 'complete'")
    return wrong_with(page)


def test_pages_of_accounts(lab: Lab, member: Page, made: tuple[int, int]) -> None:
    experiment, example = made
    finished = lab.launch(quick())
    lab.finished(finished)
    run = lab.run(finished, "student")["run"]
    trains = lab.launch(slow())
    home = f"/experiments/{experiment}"
    pages = {
        "/": "h1",
        "/experiments/": "h1",
        f"/experiments/{trains}/": "#live-chart",
        f"{home}/": "#result",
        f"{home}/examples/": "#examples",
        f"{home}/examples/?map=shown&q=the&column=group&column=flip": ".canvas circle",
        f"{home}/examples/?q=%5B&mode=regex": ".help.wrong",
        f"{home}/examples/{example}/": "#words .weighed",
        f"{home}/examples/{example}/?q=the": "#nearby table",
        f"{home}/examples/marked/": "table",
        f"{home}/diagnostics/": ".measures",
        f"{home}/diagnostics/?cdr=x": ".message.bad",
        f"{home}/manage/": "form",
        f"{home}/share/": "form",
        f"/runs/{run}/": "#run-chart",
        f"/compare/?e={experiment}&e={finished}": "h1",
        "/leaderboard/": "table",
        "/experiments/new/": "#experiment",
        f"/experiments/new/?from={experiment}": "#experiment",
        "/experiments/import/": "form",
        "/queue/": "h1",
        "/workers/": "table",
        "/datasets/": "table",
        "/datasets/upload/": "form",
        "/datasets/movie-reviews/": "h1",
        "/shares/": "h1",
        "/account/": "form",
        "/api/": "h1",
        "/people/": "table",
        "/audit/": "table",
        "/password/": "form",
        "/no/such/page/": "h1",
    }
    lines = [line for path, there in pages.items() for line in opened(member, f"{lab.url}{path}", there)]
    assert lines == []


def test_forms_with_errors(lab: Lab, member: Page, guest: Page, made: tuple[int, int]) -> None:
    lines = []
    guest.goto(f"{lab.url}/login/")
    lines += sent(guest, "form.plain", username="nobody", password="wrong")
    member.goto(f"{lab.url}/experiments/new/")
    lines += sent(member, "#experiment", seeds="0", name="")
    member.goto(f"{lab.url}/experiments/{made[0]}/share/")
    lines += sent(member, "form.form", highlights="the first one")
    member.goto(f"{lab.url}/datasets/upload/")
    lines += sent(member, "#upload")
    member.goto(f"{lab.url}/password/")
    lines += sent(member, "form.plain")
    member.goto(f"{lab.url}/account/")
    lines += sent(member, "form[action='/account/']", email="nowhere")
    assert lines == []


def test_pages_of_shares(lab: Lab, member: Page, guest: Page, made: tuple[int, int]) -> None:
    experiment, example = made
    slug, live = shared(lab, experiment), shared(lab, experiment, live=True)
    number, address = link(lab, slug)
    _, to_live = link(lab, live)
    locked = lab.call("POST", f"/shares/{slug}/links", {"password": "a long password"})[1]["url"]
    token = address.rstrip("/").rpartition("/")[2]
    root = f"{lab.url}/shared/{slug}/"
    lines = opened(guest, f"{lab.url}/s/none/") + opened(guest, locked, "#password")
    lines += sent(guest, "form.plain", password="not the password")
    guest.goto(address)
    guest.wait_for_url(root)
    guest.wait_for_selector(".chart[data-drawn]")
    lines += wrong_with(guest)
    for path in ("v1/examples/", f"v1/examples/{example}/"):
        lines += opened(guest, f"{root}{path}")
    lines += opened(guest, f"{lab.url}/e/{token}/gap/", ".chart[data-drawn]")
    for path in (f"{slug}/", f"{slug}/v1/examples/", f"{slug}/manage/"):
        lines += opened(member, f"{lab.url}/shares/{path}")
    lines += sent(member, "form.link-form", days="0")
    member.goto(f"{lab.url}/shares/{slug}/manage/")
    lines += sent(member, "form.link-form", name="Somebody")
    guest.goto(to_live)
    guest.wait_for_url(f"{lab.url}/shared/{live}/")
    lines += wrong_with(guest)
    guest.goto(root)
    guest.wait_for_selector("body[data-open]")
    lab.call("DELETE", f"/links/{number}")
    guest.wait_for_selector("text=This page is not open any more.")
    lines += wrong_with(guest)
    assert lines == []


def test_pages_of_who_is_not_logged_in(lab: Lab, guest: Page) -> None:
    pages = ("/login/", "/password/forgotten/", "/password/reset/x/y/", "/join/nothing/", "/login/link/x/y/")
    assert [line for path in pages for line in opened(guest, f"{lab.url}{path}")] == []
