"""Time from a trainer's row to the page that draws it, and what viewers cost the web server; beside Trackio and TensorBoard.

python -m tests.benchmarks.live --viewers 1 20 200 --seconds 20

Four runs of ten rows a second are recorded as workers record them. Two of the viewers are pages in Chromium, in which a row
counts as drawn from the frame after its line has reached it; the others are sockets, half of them of an account and half of
visitors of a live share. Trackio and TensorBoard are installed from PyPI into an environment that is deleted afterwards.
"""

import argparse
import asyncio
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import cycle
from typing import Any

import django
from playwright.async_api import Browser

from tests.benchmarks import live_others
from tests.benchmarks.live_pages import DRAWN, chromium, noted, opened_page
from tests.benchmarks.live_viewers import Watcher, cpu_seconds, memory_mb, opened, percentiles, servers, session_cookie
from tests.benchmarks.throughput import NAMES, laboratory
from tests.lab import ROOT, Lab

PAGES = 2
"""The most viewers that are pages in a browser."""

SETTLE_SECONDS = 3.0
"""Seconds from the last row that counts until viewers leave: rows that have not arrived by then are lost."""


@dataclass(frozen=True)
class Writing:
    """The experiment whose runs are written, by number and attempt, with the series and seed of each in the chart."""

    experiment: int
    attempts: dict[int, int]
    places: dict[tuple[str, int], int]

    @classmethod
    def begin(cls, lab: Lab, runs: int) -> "Writing":
        from tests.factories import claims
        from webapp.experiments.models import Experiment

        spec = {"seeds": (runs + 1) // 2, "methods": [{"kind": "naive"}], "name": "Benchmark"}
        pk = lab.launch(spec | {"data": {"split_seed": time.time_ns() % 2**31}})  # so that its runs are new
        queued = Experiment.objects.get(pk=pk).runs.filter(status="queued").order_by("pk")[:runs]
        claimed = [claims.claim(run.pk, "bench") for run in queued]
        places = {(str(part.role), run.run_spec.seed): run.pk for run in queued if (part := run.parts.first())}
        return cls(pk, {run.pk: run.attempt for run in claimed if run}, places)

    @contextmanager
    def rows(self, rate: float) -> Iterator[None]:
        runs = [f"{run}:{attempt}" for run, attempt in self.attempts.items()]
        command = [sys.executable, "-m", "tests.benchmarks.live_writers", "--rate", str(rate), "--runs", *runs]
        with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE) as writer:
            yield
            writer.communicate()

    def emitted(self, since: float, until: float) -> dict[tuple[int, int], tuple[float, float, int]]:
        """Return when each row of these seconds was emitted and stored, and its step, by run and number."""
        from webapp.experiments.models import Event

        events = Event.objects.filter(run__in=self.attempts, payload__kind="metric").values_list("run", "seq", "at", "payload")
        rows = {(run, seq): (row["lr"], at.timestamp(), row["step"]) for run, seq, at, row in events}
        return {key: row for key, row in rows.items() if since <= row[0] <= until}


def shared(pk: int) -> tuple[str, str]:
    """The slug and the token of a live share, made in the database: pages refuse one that has nothing to show yet."""
    from webapp.experiments.models import Experiment
    from webapp.reports.choices import Choices
    from webapp.shares.links import make_link
    from webapp.shares.models import Share

    experiment = Experiment.objects.select_related("owner").get(pk=pk)
    choices = Choices().model_dump(mode="json")
    share = Share.objects.create(experiment=experiment, owner=experiment.owner, live=True, title="Benchmark", choices=choices)
    return share.slug, make_link(share, experiment.owner)[1]


def drawn_after(
    notes: Sequence[Sequence[Any]], writing: Writing, rows: dict[tuple[int, int], tuple[float, float, int]]
) -> list[float]:
    """Return for each row of the runs the seconds from its emission until a line has reached its step; a lost one is left out."""
    seconds = []
    for (series, seed), run in writing.places.items():
        frames = [(step, at) for line, number, step, at in notes if (line, number) == (series, seed)]
        for (number, _), (emitted, _, step) in rows.items():
            if number == run and (at := next((at for reached, at in frames if reached >= step), None)) is not None:
                seconds.append(at - emitted)
    return seconds


async def measure(lab: Lab, browser: Browser, viewers: int, addresses: Sequence[str], arguments: argparse.Namespace) -> None:
    writing = await asyncio.to_thread(Writing.begin, lab, arguments.runs)
    account, (slug, token) = session_cookie(lab), await asyncio.to_thread(shared, writing.experiment)
    visitor = opened(f"{lab.url}/s/{token}/")
    ways = (f"/ws/experiments/{writing.experiment}/", account), (f"/shared/{slug}/live/", visitor)
    cookies = [{"name": cookie.name, "value": str(cookie.value), "url": lab.url} for cookie in lab.jar]
    address = f"{lab.url}/experiments/{writing.experiment}/?section=curves"
    pages = [await opened_page(browser, address, DRAWN, cookies) for _ in range(min(PAGES, viewers))]
    watchers = [Watcher(*ways[number % 2]) for number in range(viewers - len(pages))]
    over, urls = threading.Event(), cycle(address.replace("http", "ws") for address in addresses)
    viewing = [asyncio.create_task(watcher.watch(url, over.is_set)) for watcher, url in zip(watchers, urls, strict=False)]
    with writing.rows(arguments.rate):
        await asyncio.sleep(5)  # connected by now; what connecting costs is no latency
        since, used = time.time(), cpu_seconds(lab)
        await asyncio.sleep(arguments.seconds)
        until, used = time.time(), cpu_seconds(lab) - used
        await asyncio.sleep(SETTLE_SECONDS)
        notes = [await noted(page) for page in pages]
    over.set()
    await asyncio.gather(*viewing)
    rows = await asyncio.to_thread(writing.emitted, since, until)
    for page in pages:
        await page.context.close()

    drawn = [second for note in notes for second in drawn_after(note["drawn"], writing, rows)]
    own = [watcher for watcher in watchers if watcher.cookie == account]  # the times of rows are not sent to visitors
    arrived = [
        watcher.arrived[key][1] - emitted for watcher in own for key, (emitted, _, _) in rows.items() if key in watcher.arrived
    ]
    lost = len(rows) * len(pages) - len(drawn) + sum(key not in watcher.arrived for watcher in watchers for key in rows)
    stored = [at - emitted for emitted, at, _ in rows.values()]
    share = 100 * used / (until - since)
    print(f"\n{viewers} viewers, {arguments.runs} runs of {arguments.rate:g} rows/s, {len(rows)} rows in {until - since:.0f} s")
    print(f"  stored   {percentiles(stored)}\n  arrived  {percentiles(arrived)}\n  drawn    {percentiles(drawn)}")
    closed = {watcher.closed for watcher in watchers if watcher.closed}
    print(f"  lost {lost}, sockets closed {closed or 0}")
    print(f"  web servers {share:.1f} % of a core, {share / viewers:.2f} % a viewer, {memory_mb(lab)} MB", flush=True)


async def ours(lab: Lab, arguments: argparse.Namespace) -> None:
    async with chromium() as browser:
        with servers(lab, arguments.servers) as addresses:
            for viewers in arguments.viewers:
                await measure(lab, browser, viewers, addresses, arguments)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=4)
    parser.add_argument("--rate", type=float, default=10)
    parser.add_argument("--viewers", type=int, nargs="*", default=[1, 20, 200])
    parser.add_argument("--servers", type=int, default=1, help="web servers, over which the sockets are spread")
    parser.add_argument("--database", choices=NAMES, default="sqlite")
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--others", nargs="*", default=list(live_others.TOOLS), choices=list(live_others.TOOLS))
    arguments = parser.parse_args()
    if arguments.viewers:
        with laboratory(arguments.database) as lab:
            os.environ |= lab.environment
            django.setup()
            asyncio.run(ours(lab, arguments))
    if arguments.others:
        asyncio.run(live_others.measure(arguments.others, arguments.runs, arguments.rate, arguments.seconds))
    print(f"\nload average {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
