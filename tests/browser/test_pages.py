"""The pages of the laboratory in a browser: sections, lists of a form, forms at work, the navigation of a phone."""

import re

from playwright.sync_api import Page, Route, expect

from tests.lab import Lab, quick, slow

METHODS = [{"kind": "naive"}, {"kind": "confidence"}, {"kind": "reverse-kl"}]


def section(page: Page) -> str:
    """The one section that is not hidden, as the navigation marks it too."""
    (shown,) = page.locator("[data-panel=section]:not([hidden])").all()
    marked = page.locator(".sections a[aria-current]")
    expect(marked).to_have_count(1)
    assert f"section={shown.get_attribute('data-value')}" in str(marked.get_attribute("href"))
    return str(shown.get_attribute("data-value"))


def method(page: Page) -> str:
    (shown,) = page.locator("[data-panel=method]:not([hidden])").all()
    return str(shown.get_attribute("data-value"))


def test_a_section_is_chosen_by_click_key_and_address_and_all_are_found_and_printed(lab: Lab, page: Page) -> None:
    pk = lab.launch(quick(methods=METHODS, seeds=2))
    lab.finished(pk)
    page.goto(f"{lab.url}/experiments/{pk}/")
    assert section(page) == "result"
    page.evaluate("window.neverReloaded = true")
    page.locator(".sections").get_by_text("Errors").click()
    expect(page).to_have_url(re.compile(r"\?section=errors$"))
    assert (section(page), method(page)) == ("errors", "0")
    page.get_by_role("link", name="Reverse KL", exact=True).focus()
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(r"\?section=errors&method=2$"))
    assert method(page) == "2"
    page.go_back()
    assert (section(page), method(page)) == ("errors", "0")
    page.go_back()
    assert section(page) == "result"
    page.evaluate("location.hash = '#notes'")
    page.wait_for_function("() => document.querySelector('.sections [aria-current]').textContent === 'Notes'")
    assert section(page) == "notes"
    page.evaluate("document.getElementById('errors').dispatchEvent(new Event('beforematch', {bubbles: true}))")
    assert section(page) == "errors", "what the browser's search finds is shown, and marked"
    assert page.evaluate("window.neverReloaded") is True

    page.goto(f"{lab.url}/experiments/{pk}/?section=errors&method=1")
    assert (section(page), method(page)) == ("errors", "1")
    page.emulate_media(media="print")
    heights = page.locator("[data-panel]").evaluate_all("panels => panels.map(panel => panel.getBoundingClientRect().height)")
    assert min(heights) > 20, "every section and every table is printed"


def test_renewed_parts_keep_section_method_and_focus_and_the_end_shows_the_result(lab: Lab, page: Page) -> None:
    pk = lab.launch(slow(methods=METHODS[:1]))
    page.goto(f"{lab.url}/experiments/{pk}/")
    lab.until(lambda: page.locator("#head").get_attribute("data-at-work") == "1")
    assert section(page) == "curves"
    expect(page.locator("#live-chart")).to_be_in_viewport()
    lab.call("POST", f"/experiments/{pk}/stop")
    expect(page.locator("#head [role=status]")).to_contain_text("Stopped")
    expect(page.locator(".sections a[aria-current]")).to_have_text("Result")

    done = lab.launch(quick(methods=METHODS, seeds=2))
    lab.finished(done)
    page.goto(f"{lab.url}/experiments/{done}/?section=errors")
    page.locator("#method-2").click()
    page.evaluate("document.getElementById('result-version').value = 'an older one'")
    with page.expect_response(re.compile("/status/")):
        page.evaluate("document.body.dispatchEvent(new Event('news'))")
    expect(page.locator("#result-version")).not_to_have_value("an older one")
    assert (section(page), method(page)) == ("errors", "2")
    expect(page.locator("#method-2")).to_be_focused()


def test_five_quick_clicks_give_five_methods_and_nothing_typed_is_lost(lab: Lab, page: Page) -> None:
    page.goto(f"{lab.url}/experiments/new/")
    blocks = page.locator("#rows-methods > .block")
    expect(blocks).to_have_count(2)
    add = page.get_by_role("button", name="Add another")
    page.evaluate("button => { for (let n = 0; n < 3; n++) button.click(); }", add.element_handle())
    expect(blocks).to_have_count(5)
    for number, kind in enumerate(("naive", "confidence", "reverse-kl", "cace", "entropy")):
        page.locator(f"[name=methods__{number}__kind]").select_option(kind)
    page.locator("[name=methods__1__confidence__weight]").fill("0.3")
    expect(page.locator("#plan")).to_contain_text("5 methods")
    expect(page.locator("label[for=methods__4__kind]")).to_have_text("Method 5")

    page.evaluate(
        "document.querySelectorAll('.block .remove')[0].click(); document.querySelectorAll('.block .remove')[1].click()"
    )
    expect(blocks).to_have_count(3)
    assert [field.input_value() for field in page.locator("#rows-methods select[name$=__kind]").all()] == [
        "confidence",
        "cace",
        "entropy",
    ]
    expect(page.locator("[name=methods__0__confidence__weight]")).to_have_value("0.3")
    expect(page.locator("#plan")).to_contain_text("3 methods")
    page.locator("[name=methods__0__confidence__weight]").fill("7")
    expect(page.locator("#help-methods__0__confidence__weight")).to_contain_text("Must be at most 1")


PRESSED_TWICE = """button => {
    button.click(); button.click();
    return [button.textContent, button.getAttribute("aria-disabled"), button.form.getAttribute("aria-busy")];
}"""


def test_a_form_says_at_once_that_it_is_at_work_and_is_sent_once(lab: Lab, page: Page) -> None:
    page.goto(f"{lab.url}/experiments/new/")
    page.get_by_label("Name", exact=True).fill("Pressed twice")
    expect(page.locator("#plan-act button.primary")).to_contain_text("runs")
    said = page.evaluate(PRESSED_TWICE, page.locator("#plan-act button.primary").element_handle())
    assert said == ["Starting…", "true", "true"]
    expect(page).to_have_url(re.compile(r"/experiments/\d+/$"), timeout=30_000)
    listed = lab.call("GET", "/experiments")[1]["experiments"]
    assert len([experiment for experiment in listed if experiment["name"] == "Pressed twice"]) == 1


def test_a_form_that_is_not_answered_comes_back_and_a_renewed_one_stays_at_work(lab: Lab, page: Page) -> None:
    pk = lab.launch(slow())
    page.goto(f"{lab.url}/experiments/{pk}/")
    stop = page.locator("#head .button.stop")
    expect(stop).to_have_text("Stop")
    sent: list[str] = []

    def unanswered(route: Route) -> None:
        sent.append(route.request.url)
        route.fulfill(status=204)

    page.route("**/stop/", unanswered)
    stop.click()
    expect(stop).to_have_text("Stopping…")
    with page.expect_response(re.compile("/status/")):
        page.evaluate("document.body.dispatchEvent(new Event('news'))")
    expect(stop).to_have_text("Stopping…")
    expect(stop).to_have_attribute("aria-disabled", "true")
    for button in (stop, page.get_by_role("button", name="Stop and evaluate")):
        button.dispatch_event("click")  # a forced click fails where the page is renewed at its moment
    page.keyboard.press("Escape")
    expect(stop).to_have_text("Stop")
    expect(stop).not_to_have_attribute("aria-disabled", "true")
    assert len(sent) == 1
    with page.expect_response("**/stop/"):
        stop.click()
    expect(stop).to_have_text("Stopping…")
    assert len(sent) == 2


FORM = """<div id="box"><form method="post" action="/asked/" hx-post="/asked/" hx-target="#box" hx-swap="outerHTML">
<button data-busy="Computing…">Ask</button></form></div>"""


def test_a_form_that_htmx_sends_comes_back_with_its_answer_also_where_that_replaces_it(lab: Lab, page: Page) -> None:
    page.evaluate("html => { document.querySelector('main').innerHTML = html; htmx.process(document.body); }", FORM)
    waiting: list[Route] = []

    def wait(route: Route) -> None:
        waiting.append(route)

    page.route("**/asked/", wait)
    button = page.locator("#box button")
    for status in (200, 500, 200):
        button.click()
        expect(button).to_have_text("Computing…")
        button.click(force=True)
        assert len(waiting) == 1
        waiting.pop().fulfill(status=status, content_type="text/html", body=FORM)
        expect(button).to_have_text("Ask")
        expect(page.locator("#box form")).not_to_have_attribute("aria-busy", "true")


def test_the_navigation_of_a_phone_is_in_view_and_marks_where_one_is(lab: Lab, page: Page) -> None:
    page.set_viewport_size({"width": 390, "height": 780})
    for path, name in (
        ("/", "Home"),
        ("/experiments/", "Experiments"),
        ("/datasets/", "Data sets"),
        ("/queue/", "Queue"),
        ("/workers/", "Workers"),
    ):
        page.goto(f"{lab.url}{path}")
        navigation = page.get_by_role("navigation", name="Main")
        for link in navigation.get_by_role("link").all():
            expect(link).to_be_in_viewport(ratio=1)
        expect(navigation.locator("[aria-current=page]")).to_have_text(name)
    page.get_by_role("navigation", name="Main").get_by_text("New").click()
    expect(page).to_have_url(re.compile("/experiments/new/"))
