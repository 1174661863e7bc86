"""Time that runs wait for a free worker: python -m tests.benchmarks.queue_latency --workers 8.

A run is queued as its experiment is launched, and claimed when a worker begins it. First as many runs as there are workers, one
after the other, while all of them are idle; then a queue that all workers empty together, in which a run waits for its worker
from when it is queued and that worker has ended its last one. Runs that a worker claims beside another one, to train them side
by side, wait for nothing; they are counted apart.
"""

import argparse
import os
import tempfile
from datetime import datetime
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


def waited(run: dict[str, Any], runs: list[dict[str, Any]]) -> float | None:
    """Return the seconds for which a queued run was not claimed by its worker, which had ended all others; None if it had not."""
    ended = [other["finished"] for other in runs if other["worker"] == run["worker"] and other["claimed"] < run["claimed"]]
    return None if not ended or max(ended) > run["claimed"] else float(run["claimed"] - max(run["queued"], *ended))


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
        waits = [wait for run in runs if (wait := waited(run, runs)) is not None]
        print(f"{len(waits)} runs of {len(pks)} experiments, of a queue and a worker that was free: {percentiles(waits)}")
        print(f"{len(runs) - len(waits)} runs were claimed beside another one of their worker, or were its first")
    print(f"load average {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
