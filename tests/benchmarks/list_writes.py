"""Cost of the columns of lists for writers, in a laboratory that tests.benchmarks.lists --folder has made:
DATA_DIR=... python -m tests.benchmarks.list_writes.

Events are stored and folded in batches of one run, as a worker sends them, in blocks that write the columns and blocks that do
not, one after the other. Every batch raises the percent of its run, so that every one changes the columns, which is the most
that they can cost: a run does so at most a hundred times.
"""

import argparse
import os
import statistics
import time
from contextlib import nullcontext
from typing import Any
from unittest import mock

BATCHES, BLOCKS = 12, 8


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--database", default="", metavar="URL")
    options = parser.parse_args()
    os.environ |= {"DJANGO_SETTINGS_MODULE": "webapp.settings"}
    os.environ |= {"DATABASE_URL": options.database} if options.database else {}
    import django

    django.setup()
    for size in (1, 10, 50):
        with_columns, without = measured(size)
        print(
            f"{size:3} rows a batch: {size / with_columns:8,.0f} rows/s with the columns, {size / without:8,.0f} without, "
            f"{1000 * (with_columns - without):5.1f} ms a batch, ratio {with_columns / without:.2f}",
            flush=True,
        )


def measured(size: int) -> tuple[float, float]:
    """Return the median seconds of a batch of ``size`` events with the columns, and without them."""
    from tests.factories import claims
    from training.events import MetricLogged, RunStarted

    run = claims.claim_next("worker@benchmark")
    assert run is not None
    claims.append_events(run.pk, run.attempt, [RunStarted(total_steps=100 * size, device="cpu", versions={})])
    seconds: dict[bool, list[float]] = {True: [], False: []}
    step = 0
    for block in range(BLOCKS):
        columns = block % 2 == 0
        with nullcontext() if columns else mock.patch("webapp.experiments.changes._write"):
            for _ in range(BATCHES):
                events: list[Any] = [MetricLogged(step=step + number, loss=0.5, lr=1e-3) for number in range(1, size + 1)]
                step += size
                begun = time.perf_counter()
                claims.append_events(run.pk, run.attempt, events)
                seconds[columns].append(time.perf_counter() - begun)
    return statistics.median(seconds[True]), statistics.median(seconds[False])


if __name__ == "__main__":
    main()
