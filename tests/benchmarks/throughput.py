"""Rows per second into the record from simulated trainers, on SQLite and on PostgreSQL: python -m tests.benchmarks.throughput.

Each trainer is a process that records rows of one run as fast as the record takes them, by the recorder of a worker, with a real
broker for its notifications. At the end the rows of each run in the database are held against those that were recorded.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tests.benchmarks.live_viewers import cpu_seconds
from tests.databases import Postgres
from tests.lab import ROOT, Lab

NAMES = ("sqlite", "postgresql")


@contextmanager
def laboratory(name: str) -> Iterator[Lab]:
    """A laboratory without workers on a database of its own."""
    with ExitStack() as stack:
        folders = [Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="w2s-bench-"))) for _ in range(2)]
        environment = {"LEASE_SECONDS": "600"}
        if name == "postgresql":
            server = Postgres(folders[1])
            stack.callback(server.stop)
            environment["DATABASE_URL"] = server.url
        yield stack.enter_context(Lab(folders[0], "--workers", "0", **environment))


def measure(lab: Lab, trainers: int, seconds: float) -> str:
    """Return a line with what ``trainers`` have recorded in ``seconds``. Raises AssertionError for a row lost or doubled."""
    from django.db import connection

    from tests.factories import claims
    from webapp.experiments.models import Event, Experiment

    spec = {"seeds": trainers, "methods": [{"kind": "naive"}], "name": f"{trainers} trainers"}
    pk = lab.launch(spec | {"data": {"split_seed": time.time_ns() % 2**31}})  # so that its runs are new
    queued = Experiment.objects.get(pk=pk).runs.filter(status="queued").order_by("pk")[:trainers]
    runs = [run for number in queued.values_list("pk", flat=True) if (run := claims.claim(number, "bench"))]
    connection.close()
    command = [sys.executable, "-m", "tests.benchmarks.throughput_writers"]
    writers = [
        subprocess.Popen(
            [*command, f"{run.pk}:{run.attempt}", str(seconds)],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for run in runs
    ]
    for writer in writers:
        assert writer.stdout
        assert writer.stdout.readline() == "ready\n"
    used, begun = cpu_seconds(lab), time.perf_counter()
    for writer in writers:
        assert writer.stdin
        writer.stdin.write("go\n")
        writer.stdin.flush()
    answers = [writer.communicate()[0].split() for writer in writers]
    took, used = time.perf_counter() - begun, cpu_seconds(lab) - used
    for run, (rows, _, _) in zip(runs, answers, strict=True):
        numbers = list(Event.objects.filter(run=run.pk).order_by("seq").values_list("seq", flat=True))
        assert numbers == list(range(1, len(numbers) + 1)), f"run {run.pk} has gaps"
        steps = list(
            Event.objects.filter(run=run.pk, payload__kind="metric").order_by("seq").values_list("payload__step", flat=True)
        )
        assert steps == list(range(1, int(rows) + 1)), f"run {run.pk}: {len(steps)} of {rows} rows"
    total, slowest = sum(int(rows) for rows, _, _ in answers), max(float(seconds) for _, _, seconds in answers)
    processor = sum(float(cpu) for _, cpu, _ in answers)
    return (
        f"{trainers:3} trainers: {total / took:8,.0f} rows/s, {1e6 * processor / total:5.0f} us of a trainer's worker a row, "
        f"the slowest batch {1000 * slowest:.0f} ms, web server {100 * used / took:.0f} % of a core; none lost"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--database", choices=NAMES)
    parser.add_argument("--trainers", type=int, nargs="+", default=[1, 4, 16])
    parser.add_argument("--seconds", type=float, default=10)
    arguments = parser.parse_args()
    if arguments.database is None:
        for name in NAMES:  # each in a process of its own: Django has one database
            subprocess.run([sys.executable, "-m", "tests.benchmarks.throughput", *sys.argv[1:], "--database", name], check=True)
        return
    with laboratory(arguments.database) as lab:
        os.environ |= lab.environment
        import django

        django.setup()
        print(arguments.database, flush=True)
        for trainers in arguments.trainers:
            print(measure(lab, trainers, arguments.seconds), flush=True)
    print(f"load average {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
