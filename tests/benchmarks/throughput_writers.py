"""One simulated trainer: python -m tests.benchmarks.throughput_writers RUN:ATTEMPT SECONDS, from when its input has a line.

Prints "ready", and at the end the rows that it recorded, the seconds of processor that they took, and those of its slowest batch.
"""

import sys
import time

import django

STEPS = 10**9


def main() -> None:
    number, attempt = map(int, sys.argv[1].split(":"))
    django.setup()
    from training.events import MetricLogged, RunStarted
    from webapp.jobs.recorder import Recorder

    recorder, step, slowest = Recorder({number: attempt}), 0, 0.0
    recorder.add(number, RunStarted(total_steps=STEPS, device="cpu", versions={}))
    recorder.finish()
    print("ready", flush=True)
    sys.stdin.readline()
    until, used = time.monotonic() + float(sys.argv[2]), time.process_time()
    while time.monotonic() < until:
        step += 1
        recorder.add(number, MetricLogged(step=step, loss=0.7 - 1e-6 * step, lr=1e-3))
        if recorder.due:
            begun = time.monotonic()
            recorder.flush()
            slowest = max(slowest, time.monotonic() - begun)
    recorder.finish()
    print(step, time.process_time() - used, slowest, flush=True)


if __name__ == "__main__":
    main()
