"""axe-core over every page, in both themes, on a desk and on a phone: nothing serious or critical is wrong with any.

None of these pages violates its content security policy, throws an error or asks another host, which ``watched`` holds them to.
"""

from collections.abc import Iterator
from inspect import unwrap
from typing import Any
from urllib.parse import urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.urls import URLPattern, resolve, reverse
from playwright._impl._api_structures import SetCookieParam
from playwright.sync_api import Browser, Page

from tests.browser.conftest import watched
from tests.factories.browser_experiments import link, made_up, shared
from tests.factories.imports import HOW, content
from tests.factories.outside import ABOUT, labels_file
from tests.lab import Lab, quick, slow
from training.names import GIVEN
from webapp.pages.urls import urlpatterns as pages_of_accounts
from webapp.share_pages.urls import urlpatterns as pages_of_shares
from webapp.urls import urlpatterns as other_pages

pytestmark = [pytest.mark.browser, pytest.mark.timeout(900)]

FAILS = {"serious", "critical"}
MISMATCH = "label-content-name-mismatch"
"""Not on by default: a button whose name is not what it says cannot be pressed by voice."""

OPTIONS: dict[str, Any] = {"rules": {MISMATCH: {"enabled": True}}, "resultTypes": ["violations"]}
OF_COLOURS = ("color-contrast", "link-in-text-block")
"""The rules whose answer depends on the theme."""

THEMES = {"light": OPTIONS, "dark": OPTIONS | {"runOnly": {"type": "rule", "values": OF_COLOURS}}}
WIDTHS = (1280, 390)
STILL = """() => {
  const sheet = new CSSStyleSheet();
  sheet.replaceSync("*, *::before, *::after { animation: none !important; transition: none !important; }");
  document.adoptedStyleSheets.push(sheet);
}"""
"""A colour that is on its way to another one is neither of them. A style element would violate the policy of the page."""


TRAINING = {"/": "h1", "/experiments/": "h1", "/experiments/{trains}/": "#live-chart", "/queue/": "h1", "/workers/": "table"}
"""Pages that are other ones while runs train: the address, and what is on the page once it is there."""

ACCOUNT = {
    "/experiments/{experiment}/": "#result",
    "/experiments/{experiment}/examples/": "#examples",
    "/experiments/{experiment}/examples/?map=shown&q=the&column=group&column=flip": ".canvas circle",
    "/experiments/{experiment}/examples/?q=%5B&mode=regex": ".help.wrong",
    "/experiments/{experiment}/examples/{example}/": "#words .weighed",
    "/experiments/{experiment}/examples/{example}/?q=the": "#nearby table",
    "/experiments/{experiment}/examples/marked/": "table",
    "/experiments/{experiment}/examples/classes/": "table",
    "/experiments/{experiment}/diagnostics/": ".measures",
    "/experiments/{experiment}/diagnostics/?cdr=x": ".message.bad",
    "/experiments/{experiment}/manage/": "form",
    "/experiments/{experiment}/share/": "form",
    "/runs/{run}/": "#run-chart",
    "/compare/?e={experiment}&e={finished}": "h1",
    "/leaderboard/": "table",
    "/experiments/new/": "#experiment",
    "/experiments/new/?from={experiment}": "#experiment",
    "/experiments/import/": "form",
    "/datasets/": "table",
    "/datasets/upload/": "form",
    "/datasets/movie-reviews/": "h1",
    "/datasets/labels/upload/?dataset=movie-reviews": "#upload",
    "/datasets/labels/{labels}/": "h1",
    "/experiments/{finished}/outside/": "form",
    "/shares/": "h1",
    "/account/": "form",
    "/api/": "h1",
    "/people/": "table",
    "/audit/": "table",
    "/password/": "form",
    "/no/such/page/": "h1",
    "/projects/": "h1",
    "/projects/new/": "form",
    "/projects/{project}/": "h1",
    "/projects/{project}/manage/": "form",
    "/datasets/imports/{brought}/": "h1",
    "/experiments/imports/{archive}/": "h1",
}
"""All other pages of accounts."""

STRANGERS = ("/login/", "/password/forgotten/", "/password/reset/x/y/", "/join/nothing/", "/login/link/x/y/")
SHARES = (
    *("/s/{token}/", "/e/{token}/gap/", "/shares/{slug}/", "/shares/{slug}/manage/"),
    *("/shares/{slug}/v1/examples/", "/shares/{slug}/v1/examples/{example}/", "/shares/{slug}/v1/examples/classes/"),
)
"""Addresses whose pages test_pages_of_shares looks at, here and under /shared/."""


@pytest.fixture(scope="module")
def made(shared_lab: Lab) -> tuple[int, int]:
    return made_up(shared_lab, 1002)


@pytest.fixture
def guest(browser: Browser, lab: Lab) -> Iterator[Page]:
    """Somebody without an account."""
    with watched(browser, lab.url) as context:
        yield context.new_page()


@pytest.fixture
def member(browser: Browser, lab: Lab, cookies: list[SetCookieParam]) -> Iterator[Page]:
    with watched(browser, lab.url, cookies) as context:
        yield context.new_page()


def wrong_with(page: Page) -> list[str]:
    """Return the violations of the page as it stands, in each theme and width, with the element and what would mend it."""
    page.evaluate(STILL)
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
    page.wait_for_function("() => window.asked === undefined && document.readyState === 'complete'")
    return wrong_with(page)


@pytest.fixture(scope="module")
def known(shared_lab: Lab, made: tuple[int, int], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The values of the names in TRAINING and ACCOUNT."""
    lab, file = shared_lab, tmp_path_factory.mktemp("brought") / "rows.csv"
    labels = labels_file(file.with_name("labels.csv"), "movie-reviews")
    about = ABOUT.model_dump() | {"dataset": "movie-reviews"}
    file.write_bytes(content())
    finished = lab.launch(quick())
    lab.finished(finished)
    return {
        "experiment": made[0],
        "example": made[1],
        "finished": finished,
        "run": lab.run(finished, "student")["run"],
        "trains": finished,
        "project": lab.call("POST", "/projects", {"name": "Ladders"})[1]["id"],
        "brought": lab.upload("/datasets", file, name="rows", mapping=HOW)[1]["id"],
        "archive": lab.upload("/archives", file)[1]["id"],
        "labels": lab.upload("/supervisors", labels, "files", **about)[1]["model"].removeprefix(GIVEN),
    }


def test_pages_while_a_run_trains(lab: Lab, member: Page) -> None:
    pk = lab.launch(slow())
    lab.until(lambda: lab.run(pk, "weak")["step"] > 0)
    assert [line for path in TRAINING for line in opened(member, f"{lab.url}{path.format(trains=pk)}", TRAINING[path])] == []


def test_pages_of_accounts(lab: Lab, member: Page, known: dict[str, Any]) -> None:
    pages = {path.format(**known): there for path, there in ACCOUNT.items()}
    lines = [line for path, there in pages.items() for line in opened(member, f"{lab.url}{path}", there)]
    assert lines == []


def test_dialogs(lab: Lab, member: Page, known: dict[str, Any]) -> None:
    member.goto(f"{lab.url}/experiments/{known['experiment']}/")
    member.keyboard.press("?")
    member.wait_for_selector("#help[open]")
    lines = wrong_with(member)
    member.keyboard.press("Escape")
    member.keyboard.press("Control+k")
    member.wait_for_selector("#palette [role=option][aria-selected=true]")
    lines += wrong_with(member)
    member.keyboard.type("nothing of the kind")
    member.wait_for_selector("#palette-entries .note")
    assert lines + wrong_with(member) == []


def test_tools_of_the_list_chosen_rows_and_the_confirmation_of_a_deletion(lab: Lab, member: Page, known: dict[str, Any]) -> None:
    pk = known["finished"]
    assert lab.call("PUT", f"/experiments/{pk}/tags/paper")[0] == 200
    assert lab.call("POST", "/views", {"name": "Of the paper", "query": "tag=paper", "shared": True})[0] == 201
    member.goto(f"{lab.url}/experiments/?tag=paper")
    member.evaluate("document.querySelectorAll('.list-tools details').forEach((part) => { part.open = true; })")
    member.get_by_label(f"Choose experiment {pk}").check()
    member.wait_for_selector("#bulk:visible")
    lines = wrong_with(member)
    member.get_by_role("button", name="Delete…").click()
    member.wait_for_selector("text=Delete 1 experiment")
    assert lines + wrong_with(member) == []


def seen_views(known: dict[str, Any]) -> set[Any]:
    """Return the views, without what wraps them, whose pages the other tests look at."""
    paths = [*TRAINING, *ACCOUNT, *STRANGERS, *SHARES]
    return {unwrap(resolve(urlsplit(path.format(**known)).path).func) for path in paths if "no/such" not in path}


def test_every_page_of_the_address_table_is_looked_at(lab: Lab, member: Page, known: dict[str, Any]) -> None:
    """Addresses that no other test looks at are asked for: each is a part, a file, a redirection, or only for forms."""
    numbers = {"pk": known["experiment"], "runs": known["run"], "projects": known["project"]}
    texts = {"name": "movie-reviews", "how": "csv", "example": known["example"], "slug": "none", "number": 1, "chart": "gap"}
    texts |= {"token": "none", "secret": "none", "key": "none", "uid": "x", "uidb64": "x", "path": "none.html"}
    seen = seen_views({**known, "token": "none", "slug": "none"})
    routes = [
        route for table in (pages_of_accounts, pages_of_shares, other_pages) for route in table if isinstance(route, URLPattern)
    ]
    left = [route for route in routes if unwrap(route.callback) not in seen]
    assert 20 < len(left) < len(routes) / 2 + 30
    whole = []
    for route in left:
        path = str(route.pattern)
        given = texts | {"pk": numbers.get(path.partition("/")[0], numbers["pk"])}
        address = (
            "/" + path
            if route.name is None
            else reverse(route.name, kwargs={name: given[name] for name in route.pattern.converters})
        )
        answer = member.request.get(f"{lab.url}{address}", max_redirects=0)
        if answer.status == 200 and answer.headers["content-type"].startswith("text/html") and "<html" in answer.text():
            whole.append(route.name)
    assert whole == []


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
    for path in ("v1/examples/", "v1/examples/classes/", f"v1/examples/{example}/"):
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
    assert [line for path in STRANGERS for line in opened(guest, f"{lab.url}{path}")] == []
