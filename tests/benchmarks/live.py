"""Time of an event from the record to a watching page, and of pages that many request at once, on the real stack.

python -m tests.benchmarks.live --runs 3 --viewers 200 --seconds 40 --loads 50

Half of the viewers watch the experiment with an account, half its live share by a link. Events are appended as recorders
append them; with --train a worker for each run trains them. Lag is from an event's time in the record to its arrival.
"""

import argparse
import asyncio
import http.cookiejar
import json
import os
import tempfile
import threading
import time
import urllib.request
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import django
import websockets

from tests.lab import Lab, slow

SETTLE_SECONDS = 4.0
"""Seconds from the last event that counts until viewers leave: events that have not arrived by then are lost."""

SHOWN_TO_VISITORS = ("started", "metric", "evaluation")


@dataclass
class Watcher:
    """One socket and what came through it: when each (run, seq) arrived."""

    path: str
    cookie: str
    visitor: bool
    arrived: dict[tuple[int, int], float] = field(default_factory=dict)
    closed: str = ""

    async def watch(self, url: str, until: Callable[[], bool]) -> None:
        headers = {"Cookie": self.cookie, "Origin": url}
        async with websockets.connect(f"{url}{self.path}", additional_headers=headers, open_timeout=60, max_size=None) as socket:
            await socket.send(json.dumps({"have": {}}))
            pings = asyncio.create_task(self._ping(socket))
            try:
                while not until():
                    try:
                        text = await asyncio.wait_for(socket.recv(), 1)
                    except TimeoutError:
                        continue
                    now = time.time()
                    for run, events in json.loads(text)["runs"].items():
                        self.arrived |= {(int(run), event["seq"]): now for event in events}
            except websockets.ConnectionClosed as error:
                self.closed = str(error)
            finally:
                pings.cancel()

    async def _ping(self, socket: websockets.ClientConnection) -> None:
        """Once in 1.5 s, as pages do."""
        while True:
            await asyncio.sleep(1.5)
            await socket.send("{}")


def session_cookie(lab: Lab) -> str:
    return "; ".join(f"{cookie.name}={cookie.value}" for cookie in lab.jar)


def opened(address: str) -> str:
    """The cookies of somebody who opened a link."""
    jar = http.cookiejar.CookieJar()
    urllib.request.build_opener(urllib.request.HTTPCookieProcessor(jar)).open(address)
    return "; ".join(f"{cookie.name}={cookie.value}" for cookie in jar)


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


def produce(pk: int, runs: int, rate: float, until: Callable[[], bool]) -> None:
    """Append metrics to the runs of the experiment, as its recorders would: in batches of a quarter of a second."""
    from tests.factories import claims
    from training.events import MetricLogged
    from webapp.experiments.models import Experiment
    from webapp.live.notify import notify_viewers

    queued = Experiment.objects.get(pk=pk).runs.filter(status="queued").order_by("pk")[:runs]
    claimed = [claims.claim(run.pk, "bench") for run in queued]
    step, batch = 0, max(1, round(rate / 4))
    while not until():
        for run in claimed:
            assert run
            claims.append_events(run.pk, run.attempt, [MetricLogged(step=step + i, loss=1.0, lr=1.0) for i in range(batch)])
            notify_viewers([run.pk])
        step += batch
        time.sleep(0.25)


def percentiles(seconds: Sequence[float]) -> str:
    ordered = sorted(seconds)
    if not ordered:
        return "nothing arrived"
    p50, p95, p99 = (ordered[min(len(ordered) - 1, int(share * len(ordered)))] for share in (0.5, 0.95, 0.99))
    return f"p50 {p50:.3f} s, p95 {p95:.3f} s, p99 {p99:.3f} s, max {ordered[-1]:.3f} s"


def cpu_seconds(lab: Lab) -> float:
    fields = Path(f"/proc/{lab.processes('webapp.asgi')[0]}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, fields[11:13])) / os.sysconf("SC_CLK_TCK")


def memory_mb(lab: Lab) -> int:
    lines = Path(f"/proc/{lab.processes('webapp.asgi')[0]}/status").read_text().splitlines()
    return next(int(line.split()[1]) // 1024 for line in lines if line.startswith("VmRSS"))


def recorded(pk: int, since: float, until: float) -> dict[tuple[int, int], tuple[float, str]]:
    """Time and kind of the events of these seconds, by run and number."""
    from webapp.experiments.models import Event

    rows = Event.objects.filter(run__experiments=pk).distinct().values_list("run_id", "seq", "at", "payload__kind")
    return {(run, seq): (at.timestamp(), kind) for run, seq, at, kind in rows if since <= at.timestamp() <= until}


async def measure(lab: Lab, pk: int, arguments: argparse.Namespace) -> None:
    account = session_cookie(lab)
    slug, token = await asyncio.to_thread(shared, pk)
    visitor = opened(f"{lab.url}/s/{token}/")
    watchers = [
        Watcher(f"/shared/{slug}/live/", visitor, True) if number % 2 else Watcher(f"/ws/experiments/{pk}/", account, False)
        for number in range(arguments.viewers)
    ]
    begun = time.time()
    over, url = threading.Event(), lab.url.replace("http", "ws")
    viewing = [asyncio.create_task(watcher.watch(url, over.is_set)) for watcher in watchers]
    producer = threading.Thread(target=produce, args=(pk, arguments.runs, arguments.rate, over.is_set), daemon=True)
    if not arguments.train:
        producer.start()
    await asyncio.sleep(5)  # connected by now; what connecting costs is no lag
    since, used = time.time(), cpu_seconds(lab)
    await asyncio.sleep(arguments.seconds)
    until, used = time.time(), cpu_seconds(lab) - used
    await asyncio.sleep(SETTLE_SECONDS)
    loads = await asyncio.to_thread(load, lab, pk, account, arguments.loads) if arguments.loads else []
    over.set()
    await asyncio.gather(*viewing)
    events = await asyncio.to_thread(recorded, pk, since, until)
    report(lab, arguments, watchers, events, used, loads)
    print(f"started {time.strftime('%H:%M:%S', time.localtime(begun))}, load average {os.getloadavg()[0]:.1f}")


def report(
    lab: Lab, arguments: argparse.Namespace, watchers: list[Watcher], events: Any, used: float, loads: list[float]
) -> None:
    how = "trained" if arguments.train else f"of {arguments.rate} rows/s"
    print(f"{arguments.runs} runs {how} x {arguments.viewers} viewers, {arguments.seconds} s, {len(events)} events")
    lags, lost = list[float](), 0
    for watcher in watchers:
        due = [key for key, (_, kind) in events.items() if not watcher.visitor or kind in SHOWN_TO_VISITORS]
        lost += sum(key not in watcher.arrived for key in due)
        lags += [watcher.arrived[key] - events[key][0] for key in due if key in watcher.arrived]
    closed = [watcher.closed for watcher in watchers if watcher.closed]
    print(f"lag {percentiles(lags)}; lost {lost}; sockets closed {len(closed)} {set(closed) or ''}")
    print(f"web server: {100 * used / arguments.seconds:.0f} % of a core while it was watched, {memory_mb(lab)} MB")
    if loads:
        print(f"{len(loads)} loads of the experiment's page at once, viewers watching: {percentiles(loads)}")


def load(lab: Lab, pk: int, cookie: str, number: int) -> list[float]:
    """Seconds of so many requests of the experiment's page at the same moment."""
    taken, gate = list[float](), threading.Barrier(number)

    def load() -> None:
        request = urllib.request.Request(f"{lab.url}/experiments/{pk}/", headers={"Cookie": cookie})
        gate.wait()
        begun = time.monotonic()
        with urllib.request.urlopen(request, timeout=120) as answer:
            answer.read()
        taken.append(time.monotonic() - begun)

    threads = [threading.Thread(target=load) for _ in range(number)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return taken


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=4)
    parser.add_argument("--rate", type=float, default=10)
    parser.add_argument("--viewers", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--loads", type=int, default=0)
    parser.add_argument("--train", action="store_true")
    arguments = parser.parse_args()
    workers = ("--workers", str(arguments.runs if arguments.train else 0))
    with tempfile.TemporaryDirectory(prefix="w2s-bench-") as folder, Lab(Path(folder), *workers, LEASE_SECONDS="600") as lab:
        spec = {"seeds": (arguments.runs + 1) // 2, "methods": [{"kind": "naive"}], "name": "Benchmark"}
        pk = lab.launch(
            slow(**spec) if arguments.train else spec
        )  # each seed has two runs that can start: supervisor and ceiling
        os.environ |= lab.environment
        django.setup()
        if arguments.train:
            lab.until(lambda: sum(run["step"] > 0 for run in lab.experiment(pk)["runs"]) >= min(arguments.runs, 1))
        asyncio.run(measure(lab, pk, arguments))


if __name__ == "__main__":
    main()
