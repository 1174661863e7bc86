"""Time that runs wait for a free worker: python -m tests.benchmarks.queue_latency --workers 8.

A run is queued as its experiment is launched, and claimed when a worker begins it. First as many runs as there are workers, one
after the other, while all of them are idle; then a queue that all workers empty together, in which a run waits for its worker
from when it is queued and that worker has ended its last one.
"""

import argparse
import os
import tempfile
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

from tests.benchmarks.live_viewers import percentiles
from tests.lab import Lab, quick


def claims(lab: Lab, pk: int) -> list[dict[str, Any]]:
    """Return the times of queueing, claim and end of each finished run, and its worker."""
    runs = []
    for run in lab.experiment(pk)["runs"]:
        events = {event["kind"]: event for event in lab.events(run["run"])}
        times = {kind: datetime.fromisoformat(events[kind]["at"]).timestamp() for kind in ("queued", "claimed", "finished")}
        runs.append({**times, "worker": events["claimed"]["worker"]})
    return runs


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--workers", type=int, default=8)
    parser.add_argument("--experiments", type=int, default=16, help="in the queue that all workers empty together")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="w2s-bench-") as folder:
        with Lab(Path(folder), "--workers", str(options.workers), LEASE_SECONDS="60") as lab:
            lab.until(lambda: len(lab.call("GET", "/workers")[1]["workers"]) >= options.workers, 120)
            idle = []
            for _ in range(options.workers):
                pk = lab.launch(quick())
                lab.finished(pk, 300)
                first = min(claims(lab, pk), key=lambda run: run["queued"])
                idle.append(first["claimed"] - first["queued"])
            pks = [lab.launch(quick(seeds=2)) for _ in range(options.experiments)]
            runs = [run for pk in pks if lab.finished(pk, 900) for run in claims(lab, pk)]
        print(f"{options.workers} idle workers, {len(idle)} runs one after the other: {percentiles(idle)}")
        waits = []
        for worker in {run["worker"] for run in runs}:
            own = sorted((run for run in runs if run["worker"] == worker), key=lambda run: run["claimed"])
            waits += [after["claimed"] - max(after["queued"], before["finished"]) for before, after in pairwise(own)]
        print(f"{len(runs)} runs of {len(pks)} experiments, of a queue and a worker that was free: {percentiles(waits)}")
    print(f"load average {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
