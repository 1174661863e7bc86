"""The charts of the machine that trains a run, as its page draws them while it trains."""

from playwright.sync_api import Page, expect

from tests.lab import Lab, slow


def drawn(page: Page, field: str) -> int:
    return int(page.evaluate("field => charts.view(`system-${field}`)?.data('live').length ?? 0", field))


def test_samples_are_drawn_as_they_come_and_on_an_experiments_page_once_they_are_asked_for(lab: Lab, page: Page) -> None:
    pk = lab.launch(slow())
    run = lab.run(pk, "weak")["run"]

    def samples(number: int = run) -> list[dict[str, float]]:
        return list(lab.call("GET", f"/runs/{number}/system")[1]["samples"])

    # The student waits for its supervisor's labels: no sample of it exists while this page is read.
    page.goto(f"{lab.url}/runs/{lab.run(pk, 'student')['run']}/")
    expect(page.locator("[data-none]")).to_be_visible()
    page.goto(f"{lab.url}/runs/{run}/")
    expect(page.locator("#system-cores[data-drawn]")).to_be_visible(timeout=30_000)
    expect(page.locator("[data-none]")).to_be_hidden()
    lab.until(lambda: drawn(page, "cores") > 1)
    lab.call("POST", f"/experiments/{pk}/stop")
    lab.until(lambda: lab.experiment(pk)["state"] == "stopped")
    lab.until(lambda: drawn(page, "cores") == len(samples()))
    assert drawn(page, "examples-per-second") == sum(sample["examples_per_second"] is not None for sample in samples())
    expect(page.locator("#system-accelerator")).to_be_hidden()

    page.goto(f"{lab.url}/experiments/{pk}/?section=curves")
    expect(page.locator("body")).to_have_attribute("data-live", "live")
    lab.until(lambda: page.evaluate("Number(document.body.dataset.events)") > 0)
    assert drawn(page, "cores") == 0
    page.locator("[data-system] summary").click()
    expect(page.locator("#system-cores[data-drawn]")).to_be_visible()
    # The ceiling may have begun beside the supervisor before both were stopped.
    runs = lab.call("GET", f"/experiments/{pk}")[1]["runs"]
    assert drawn(page, "cores") == sum(len(samples(part["run"])) for part in runs)
