"""The cost of curves: of an hour of fifty runs and of a long one in a page, and of a long run in the web process.

python -m tests.benchmarks.curves: the time to read 100,000 events into bins, to continue with 100 more, and the bytes of the
page; then the longest tasks of the main thread and the growth of the heap while the points of an hour arrive, those of 50 runs
of 2,000 points and those of one run of 100,000, in so many ``--frames``, one every ``--pause`` milliseconds.
"""

import argparse
import json
import os
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import django

RUNS, POINTS, METHODS = 50, 2000, 10
EVENTS = 100_000
HOUR_BEGINS = datetime(2026, 11, 29, 12, tzinfo=UTC)

WATCH = """
window.tasks = [];
new PerformanceObserver(list => tasks.push(...list.getEntries().map(entry => entry.duration))).observe({type: "longtask"});
"""


def page(runs: int, points: int, frames: int, pause_ms: int) -> None:
    """Let so many frames with the points of an hour arrive, and print the tasks of the main thread and the growth of the heap."""
    from playwright.sync_api import sync_playwright

    from tests.chromium import LAUNCH
    from tests.factories.curve_pages import CurvePage, place
    from webapp.charts.live import Series

    methods = min(METHODS, runs)
    series = [Series(f"m{number}", "student", f"Method {number}", points, "naive") for number in range(methods)]
    places = {run: place(f"m{run % methods}", run // methods) for run in range(runs)}
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(**LAUNCH)
        opened = CurvePage(browser, series, places)
        session = opened.page.context.new_cdp_session(opened.page)

        def used() -> float:
            session.send("HeapProfiler.collectGarbage")
            return float(session.send("Runtime.getHeapUsage")["usedSize"]) / 1e6

        def frame(first: int, last: int) -> str:
            return json.dumps({"runs": {run: [event(step, run, points) for step in range(first, last)] for run in places}})

        size = points / frames
        opened.page.evaluate("frame => socket.onmessage({data: frame})", frame(-1, round(size)))
        opened.settle()
        begun = used()  # a collection is a long task itself, so none is watched
        opened.page.evaluate(WATCH)
        for number in range(1, frames):
            text = frame(round(number * size), round((number + 1) * size))
            opened.page.evaluate("frame => socket.onmessage({data: frame})", text)
            opened.page.wait_for_timeout(pause_ms)
        opened.settle()
        tasks, drawn = sorted(opened.page.evaluate("tasks"), reverse=True), opened.page.evaluate("charts.points('live-chart')")
        heap = f"heap {begun:.1f} MB at the start, {used():.1f} MB at the end"
        print(f"{runs} runs, {drawn:,} points in {frames} frames: {len(tasks)} tasks over 50 ms,")
        print(f"  the longest {[round(task) for task in tasks[:5]]} ms; {heap}", flush=True)
        browser.close()


def event(step: int, run: int, total: int = POINTS) -> dict[str, Any]:
    if step < 0:
        return {"seq": 1, "kind": "started", "total_steps": total, "resumed_from": 0}
    loss = 0.5 + (step * 7919 + run) % 100 / 500
    extremes = {"least": loss - 0.2, "least_step": step, "greatest": loss + 0.2, "greatest_step": step}
    at = (HOUR_BEGINS + timedelta(seconds=3600 * step / total)).isoformat()
    read = {"examples": 32 * step, "tokens": 900 * step}
    return {"seq": step + 2, "kind": "metric", "step": step, "loss": loss, "extremes": extremes, **read, "at": at}


def server() -> None:
    from django.contrib.auth.models import User
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    from tests.factories.experiments import launched
    from webapp.experiments.models import Event
    from webapp.findings.run_curves import between, binned

    run = launched(User.objects.create_superuser("ada")).runs.all()[0]
    begun, last = datetime(2026, 11, 29, tzinfo=UTC), run.last_seq
    payloads = [event(-1, 0) | {"total_steps": EVENTS}, *(event(step, 0) for step in range(EVENTS + 100))]

    def store(until: int) -> None:
        known = run.last_seq
        Event.objects.bulk_create(
            (
                Event(run=run, seq=seq, attempt=1, payload=payloads[seq - last - 1], at=begun + timedelta(seconds=seq))
                for seq in range(known + 1, until + 1)
            ),
            batch_size=5000,
        )
        run.last_seq = until
        run.save(update_fields=["last_seq"])

    store(last + 1 + EVENTS)
    seconds = time.perf_counter()
    packed = binned([run])
    print(
        f"{EVENTS:,} events into bins: {time.perf_counter() - seconds:.2f} s, {len(json.dumps(packed)) / 1000:.0f} kB in the page"
    )
    store(last + 1 + EVENTS + 100)
    seconds = time.perf_counter()
    binned([run])
    print(f"100 more events: {1000 * (time.perf_counter() - seconds):.0f} ms")
    seconds = time.perf_counter()
    between([run], 5000, 6000)
    print(f"a range of 1,000 steps: {1000 * (time.perf_counter() - seconds):.0f} ms")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--frames", type=int, default=300)
    parser.add_argument("--pause", type=int, default=100)
    parser.add_argument("--parts", nargs="*", default=["server", "runs", "long"], choices=["server", "runs", "long"])
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="w2s-bench-") as folder:
        os.environ |= {"DJANGO_SETTINGS_MODULE": "webapp.settings", "DATA_DIR": folder, "DJANGO_ALLOW_ASYNC_UNSAFE": "1"}
        Path(folder).mkdir(exist_ok=True)
        django.setup()
        if "server" in arguments.parts:
            server()
        if "runs" in arguments.parts:
            page(RUNS, POINTS, arguments.frames, arguments.pause)
        if "long" in arguments.parts:
            page(1, EVENTS, arguments.frames, arguments.pause)


if __name__ == "__main__":
    main()
