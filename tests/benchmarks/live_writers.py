"""The writers of the benchmark of live pages: rows of several runs, as the workers of these runs record them.

python -m tests.benchmarks.live_writers --runs 3:1 4:1 --rate 10

Each run has a thread with a recorder of its own. A row has the time at which it was emitted in place of its learning rate. It
ends when its standard input ends.
"""

import argparse
import contextlib
import queue
import sys
import threading
import time

import django

STEPS = 4000
"""The length of each run; it never gets so far."""


def record(run_id: int, attempt: int, rate: float, over: threading.Event) -> None:
    """Emit ``rate`` rows a second, and record them as ``webapp.jobs.following`` does."""
    from training import Event
    from training.events import MetricLogged, RunStarted
    from webapp.experiments import services
    from webapp.jobs.leased_work import POLL_SECONDS
    from webapp.jobs.recorder import Recorder

    events = queue.Queue[Event]()

    def emit() -> None:
        begun = time.monotonic()
        events.put(RunStarted(total_steps=STEPS, device="cpu", versions={}))
        for step in range(1, STEPS):
            if over.wait(max(0.0, begun + step / rate - time.monotonic())):
                return
            events.put(MetricLogged(step=step, loss=0.7 - 0.2 * step / STEPS, lr=time.time()))

    threading.Thread(target=emit, daemon=True).start()
    recorder, check_at = Recorder({run_id: attempt}), 0.0
    while not over.is_set():
        with contextlib.suppress(queue.Empty):
            recorder.add(run_id, events.get(timeout=recorder.seconds_left))
        if recorder.due:
            recorder.flush()
            if time.monotonic() > check_at:
                services.statuses_of({run_id: attempt})
                check_at = time.monotonic() + POLL_SECONDS


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", nargs="+", required=True, metavar="RUN:ATTEMPT")
    parser.add_argument("--rate", type=float, default=10.0)
    arguments = parser.parse_args()
    django.setup()
    over = threading.Event()
    for run in arguments.runs:
        number, attempt = map(int, run.split(":"))
        threading.Thread(target=record, args=(number, attempt, arguments.rate, over)).start()
    sys.stdin.read()
    over.set()


if __name__ == "__main__":
    main()
