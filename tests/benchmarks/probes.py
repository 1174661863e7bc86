"""Many probes of few feature sets: in one process, and through the queue of a whole laboratory to the stored result.

python -m tests.benchmarks.probes
"""

import argparse
import contextlib
import json
import os
import tempfile
from pathlib import Path
from time import perf_counter
from typing import Any

from tests.benchmarks.engine import Cost, spent
from tests.lab import Lab

SPEC: dict[str, Any] = {
    "name": "Probes",
    "weak": {"models": ["minilm-l1"]},
    "strong": {"models": ["minilm-l2"]},
    "methods": [{"kind": "naive"}],
}


def in_a_process(folder: Path, seeds: int) -> Cost:
    """Return the cost of supervisors, students and ceilings whose features are there, with the start of the process."""

    def run(seeds: int) -> Cost:
        recipe = folder / "recipe.json"
        recipe.write_text(json.dumps(SPEC | {"seeds": seeds}))
        return spent(["-m", "training", "run", str(recipe), "--out", str(folder)])[0]

    run(1)  # makes the features
    return run(seeds + 1)


def through_the_queue(lab: Lab, spec: dict[str, Any], seconds: float = 900) -> Cost:
    """Return the cost from the launch of ``spec`` to its stored result, of all processes of the laboratory; without memory."""
    begun, cpu = perf_counter(), processor_seconds(lab)
    pk = lab.launch(spec)
    lab.until(lambda: (experiment := lab.experiment(pk))["state"] == "finished" and experiment["result"], seconds)
    return Cost(perf_counter() - begun, processor_seconds(lab) - cpu)


def processor_seconds(lab: Lab) -> float:
    """Return the processor time of the laboratory's processes and of their ended children."""
    ticks = 0
    for pid in lab.processes():
        with contextlib.suppress(FileNotFoundError):
            ticks += sum(map(int, Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:15]))
    return ticks / os.sysconf("SC_CLK_TCK")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=16, help="each has a supervisor, a student and a ceiling")
    parser.add_argument("--recipe", type=Path, help="a recipe to launch last")
    options = parser.parse_args()
    print(f"load {os.getloadavg()[0]:.1f}")
    with tempfile.TemporaryDirectory() as folder:
        print(f"{3 * options.seeds} probes in one process: {in_a_process(Path(folder), options.seeds)}", flush=True)
    with tempfile.TemporaryDirectory() as folder, Lab(Path(folder), LEASE_SECONDS="30") as lab:
        through_the_queue(lab, SPEC | {"seeds": 1})  # makes the features
        print(f"{3 * options.seeds} probes through the queue: {through_the_queue(lab, SPEC | {'seeds': options.seeds + 1})}")
        if options.recipe:
            spec = json.loads(options.recipe.read_text())
            print(f"{options.recipe.stem} through the queue: {through_the_queue(lab, spec)}, load {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
