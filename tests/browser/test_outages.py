"""A page whose server or broker does not answer, and one in a hidden tab."""

import os
import signal

from playwright.sync_api import Page, WebSocket, expect

from tests.lab import Lab, slow

HIDDEN = "Object.defineProperty(document, 'hidden', {get: () => window.away === true})"
"""The browser of a test hides no tab."""
NO_EVENTS = '{"runs": {}, "ended": true}'
"""Sent to a page that sleeps where a notification came without new events: also one that came late, of events seen before."""


def received(page: Page) -> int:
    return int(page.evaluate("Number(document.body.dataset.events || 0)"))


def stored(lab: Lab, pk: int) -> int:
    return sum(len(lab.events(run)) for run in {run["run"] for run in lab.experiment(pk)["runs"]})


def hide(page: Page, away: bool) -> None:
    page.evaluate("away => { window.away = away; document.dispatchEvent(new Event('visibilitychange')); }", away)


def without_an_answer_of_the_server(lab: Lab, page: Page) -> None:
    web = lab.processes("w2s-web")[0]
    os.kill(web, signal.SIGSTOP)
    try:
        expect(page.locator("#reconnecting")).to_be_visible(timeout=6_000)
    finally:
        os.kill(web, signal.SIGCONT)
    expect(page.locator("body")).to_have_attribute("data-live", "live")
    expect(page.locator("#reconnecting")).to_be_hidden()


def without_an_answer_of_the_broker(lab: Lab, page: Page) -> None:
    """Nobody is notified; the page goes on by what the server looks up by itself."""
    broker, before = lab.processes("valkey-server")[0], received(page)
    os.kill(broker, signal.SIGSTOP)
    try:
        lab.until(lambda: received(page) > before + 2)
        expect(page.locator("#reconnecting")).to_be_hidden()
    finally:
        os.kill(broker, signal.SIGKILL)
    lab.until(lambda: broker not in lab.processes("valkey-server") and lab.processes("valkey-server"))


def in_a_hidden_tab(lab: Lab, page: Page, pk: int, frames: list[str]) -> None:
    hide(page, True)
    expect(page.locator("body")).to_have_attribute("data-asleep", "true")
    lab.until(lambda: page.evaluate("1") and '"pong": true' in frames[-1])  # the answer to its last message
    begun, before = len(frames), stored(lab, pk)
    lab.until(lambda: page.evaluate("1") and stored(lab, pk) > before + 3)
    assert set(frames[begun:]) <= {NO_EVENTS}
    hide(page, False)
    lab.until(lambda: received(page) > before)


def test_a_page_has_every_event_after_a_server_and_a_broker_that_hung_and_after_its_tab_was_hidden(lab: Lab, page: Page) -> None:
    frames: list[str] = []

    def watch(socket: WebSocket) -> None:
        socket.on("framesent", lambda frame: frames.append(str(frame)))
        socket.on("framereceived", lambda frame: frames.append(str(frame)))

    page.on("websocket", watch)
    page.add_init_script(HIDDEN)
    pk = lab.launch(slow())
    page.goto(f"{lab.url}/experiments/{pk}/")
    lab.until(lambda: received(page) > 10)
    without_an_answer_of_the_server(lab, page)
    without_an_answer_of_the_broker(lab, page)
    in_a_hidden_tab(lab, page, pk, frames)
    lab.call("POST", f"/experiments/{pk}/stop")
    lab.until(lambda: lab.experiment(pk)["state"] == "stopped")
    lab.until(lambda: received(page) == stored(lab, pk))
