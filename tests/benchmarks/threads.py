"""Threads of a trainer that wait by spinning or asleep, alone and beside four processes that never wait.

python -m tests.benchmarks.threads --limit 400 --repeat 3

Each case trains the same fully tuned model in a process of its own. The cases take turns, and medians are printed.
"""

import argparse
import multiprocessing
import os
import subprocess
import sys
import tempfile
from statistics import median
from time import perf_counter

from training import ExperimentSpec, RunSpec, make_plan

BUSY = 4
SPINS = "300000"
"""GNU OpenMP's own spin count where nothing is set and there are no more threads than cores."""
CASES = {
    "two threads, spinning": {"W2S_THREADS": "2", "OMP_WAIT_POLICY": "", "GOMP_SPINCOUNT": SPINS},
    "two threads, passive": {"W2S_THREADS": "2"},
    "one thread": {"W2S_THREADS": "1"},
}


def measure(run: RunSpec, variables: dict[str, str]) -> tuple[float, ...]:
    """Return seconds on the clock, seconds of processor, and voluntary and involuntary context switches of one training."""
    command = [sys.executable, "-m", "training", "execute", "--store"]
    with tempfile.TemporaryDirectory() as store, tempfile.TemporaryFile("w+") as request:
        request.write(run.model_dump_json())
        request.seek(0)
        begun = perf_counter()
        process = subprocess.Popen(
            [*command, store],
            stdin=request,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=os.environ | variables,
        )
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        assert process.returncode == 0
    return perf_counter() - begun, usage.ru_utime + usage.ru_stime, usage.ru_nvcsw, usage.ru_nivcsw


def work_forever() -> None:
    while True:
        pass


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--limit", type=int, default=400, help="rows in the half")
    parser.add_argument("--repeat", type=int, default=3)
    options = parser.parse_args()
    strong = {"models": ["minilm-l2"], "tuning": "full", "epochs": 1}
    data = {"limit": options.limit, "test_fraction": 0.05, "locked_fraction": 0}
    plan = make_plan(ExperimentSpec.model_validate({"data": data, "strong": strong, "seeds": 1}))
    run = plan.runs[plan.triplets[0].ceiling]
    print("| load | threads | s | s of processor | switches, voluntary | switches, involuntary |\n|---|---|---|---|---|---|")
    for busy in (0, BUSY):
        others = [multiprocessing.Process(target=work_forever, daemon=True) for _ in range(busy)]
        for other in others:
            other.start()
        costs: dict[str, list[tuple[float, ...]]] = {name: [] for name in CASES}
        for _ in range(options.repeat):
            for name, variables in CASES.items():
                costs[name].append(measure(run, variables))
        for other in others:
            other.kill()
            other.join()
        for name, rows in costs.items():
            wall, cpu, voluntary, involuntary = (median(column) for column in zip(*rows, strict=True))
            print(f"| {busy or 'none'} | {name} | {wall:.1f} | {cpu:.1f} | {voluntary:,.0f} | {involuntary:,.0f} |", flush=True)


if __name__ == "__main__":
    main()
