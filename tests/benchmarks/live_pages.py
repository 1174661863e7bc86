"""Pages in Chromium that note when rows reach them, and when rows are drawn."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from playwright.async_api import Browser, Page, async_playwright

from tests.chromium import LAUNCH

DRAWN = """
/* At every frame of the page: the last step of every thin line, which is that of one seed, in what is drawn.
   noted.drawn is a list of [series, seed, step, time of the frame after it]. */
window.noted = {drawn: [], arrived: []};
const last = new Map();
function look(items) {
  for (const item of items ?? []) {
    if (item.marktype === "line") {
      const row = item.items[item.items.length - 1]?.datum;
      if (row?.seed === undefined || row.step === undefined) continue;
      const key = `${row.series} ${row.seed}`;
      if ((last.get(key) ?? 0) >= row.step) continue;
      last.set(key, row.step);
      requestAnimationFrame(() => noted.drawn.push([row.series, row.seed, row.step, Date.now() / 1000]));
    } else if (item.items) look(item.items);
  }
}
function frame() {
  const view = window.charts?.view("live-chart");
  if (view) look([view.scenegraph().root]);
  requestAnimationFrame(frame);
}
requestAnimationFrame(frame);
"""

ARRIVED = r"""
/* The times at which rows were logged that an answer to a request of the page contains, each when it is first there. */
window.noted = {drawn: [], arrived: []};
const known = new Set();
function take(text) {
  for (const [number] of text.matchAll(/\b1[78]\d{8}\.\d{3,}/g)) {
    if (known.has(number)) continue;
    known.add(number);
    noted.arrived.push([Number(number), Date.now() / 1000]);
  }
}
const fetched = window.fetch;
window.fetch = async (...request) => {
  const answer = await fetched(...request);
  answer.clone().text().then(take, () => {});
  return answer;
};
const sent = XMLHttpRequest.prototype.send;
XMLHttpRequest.prototype.send = function (...body) {
  this.addEventListener("load", () => {
    if (["", "text"].includes(this.responseType)) take(this.responseText);
    else if (this.responseType === "json") take(JSON.stringify(this.response));
    else if (this.responseType === "arraybuffer") take(new TextDecoder().decode(this.response));
  });
  return sent.apply(this, body);
};
"""


@asynccontextmanager
async def chromium() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(**LAUNCH)
        yield browser
        await browser.close()


async def opened_page(browser: Browser, address: str, script: str, cookies: list[Any] | None = None) -> Page:
    context = await browser.new_context(viewport={"width": 1280, "height": 900})
    await context.add_cookies(cookies or [])
    await context.add_init_script(f"(() => {{ {script} }})()")
    page = await context.new_page()
    await page.goto(address)
    return page


async def noted(page: Page) -> dict[str, list[list[Any]]]:
    notes: dict[str, list[list[Any]]] = await page.evaluate("window.noted")
    return notes
