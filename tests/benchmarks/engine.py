"""Speed of training: a step beside its bare matrix products, many probes, and a whole experiment beside a plain trainer.

python -m tests.benchmarks.engine --limit 500 --repeat 2 --threads 2

Measurements take turns (A B A B) and the median counts. On a machine that does other work besides, take ``--threads 1`` and look
at seconds of processor, in which waiting does not count.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

from tests.benchmarks import step
from training import ExperimentSpec, Plan, make_plan


@dataclass
class Cost:
    """Seconds on the clock, seconds of processor, and the largest memory of one process in MB."""

    wall: float = 0.0
    cpu: float = 0.0
    memory: float = 0.0

    def __add__(self, other: "Cost") -> "Cost":
        return Cost(self.wall + other.wall, self.cpu + other.cpu, max(self.memory, other.memory))


def spent(command: Sequence[str], stdin: str = "") -> tuple[Cost, str]:
    """Return the cost of a process, and its standard output."""
    begun = perf_counter()
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as requests:
        requests.write(stdin)
        requests.seek(0)
        process = subprocess.Popen([sys.executable, *command], stdin=requests, stdout=out, stderr=subprocess.DEVNULL)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        assert process.returncode == 0, command
        out.seek(0)
        cost = Cost(perf_counter() - begun, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)
        return cost, out.read()


def spec(options: argparse.Namespace, precision: str) -> ExperimentSpec:
    training = {"tuning": "full", "epochs": options.epochs, "lr": 5e-5, "precision": precision, "stop": "last"}
    parts = {"test_fraction": options.test_fraction, "locked_fraction": 0, "validation_fraction": 0}
    return ExperimentSpec.model_validate(
        {
            "data": {"limit": options.limit} | parts,
            "weak": {"models": [options.weak]} | training,
            "strong": {"models": [options.strong]} | training,
            "seeds": 1,
        }
    )


def reference(plan: Plan, options: argparse.Namespace, micro: int) -> tuple[Cost, list[float]]:
    """Every stage as a process of its own, which loads and tokenises anew; supervisor and ceiling anew for each method.

    So does a sweep of the public reference, which is one for each loss.
    """
    total, accuracies = Cost(), dict[str, float]()
    with tempfile.TemporaryDirectory() as store:
        module = ["-m", "tests.benchmarks.reference", "--store", store]
        for triplet in plan.triplets:
            for key in (triplet.weak, triplet.ceiling, triplet.student):
                command = [*module, "--micro-batch", str(micro), "--threads", str(options.threads)]
                cost, output = spent(command, plan.runs[key].model_dump_json())
                total += cost
                accuracies[key] = json.loads(output)["accuracy"]
    return total, [accuracies[key] for key in plan.runs]


def engine(plan: Plan, options: argparse.Namespace) -> tuple[Cost, list[float]]:
    with tempfile.TemporaryDirectory() as folder:
        recipe = Path(folder) / "recipe.json"
        recipe.write_text(plan.spec.model_dump_json())
        command = ["-m", "training", "run", str(recipe), "--out", folder]
        cost, output = spent(command)
        events: list[dict[str, Any]] = [json.loads(line) for line in output.splitlines()]
        accuracies = {event["run"]: event["accuracy"] for event in events if event["kind"] == "finished"}
        return cost, [accuracies[key] for key in plan.runs]


def probes(seeds: int = 17) -> None:
    """Supervisors, students and ceilings that are all probes, on features that are there: how long one process takes for them."""
    spec = {"weak": {"models": ["minilm-l1"]}, "strong": {"models": ["minilm-l2"]}, "methods": [{"kind": "naive"}]}
    with tempfile.TemporaryDirectory() as folder:
        recipe = Path(folder) / "recipe.json"

        def run(seeds: int) -> Cost:
            recipe.write_text(json.dumps(spec | {"seeds": seeds}))
            return spent(["-m", "training", "run", str(recipe), "--out", folder])[0]

        run(1)  # makes the features
        print(f"{3 * (seeds - 1)} probes on cached features, with the start of the process: {run(seeds)}\n")


def whole(options: argparse.Namespace) -> None:
    plans = {precision: make_plan(spec(options, precision)) for precision in ("fp32", "bf16")}
    contenders: dict[str, Callable[[], tuple[Cost, list[float]]]] = {
        "reference, micro-batch 32": lambda: reference(plans["fp32"], options, 32),
        "engine, fp32": lambda: engine(plans["fp32"], options),
        "engine, bf16": lambda: engine(plans["bf16"], options),
    }
    if options.one_at_a_time:  # as the public code does by default, and very slowly
        contenders["reference, micro-batch 1"] = lambda: reference(plans["fp32"], options, 1)
    costs: dict[str, list[Cost]] = {name: [] for name in contenders}
    accuracies: dict[str, list[float]] = {}
    for _ in range(options.repeat):
        for name, contender in contenders.items():
            cost, accuracies[name] = contender()
            costs[name].append(cost)
            print(f"  {name}: {cost}", flush=True)
    first = median(cost.cpu for cost in costs["reference, micro-batch 32"])
    print("| end to end | wall s | processor s | ratio | peak MB | accuracies: weak, ceiling, naive, confidence |")
    print("|---|---|---|---|---|---|")
    for name, row in costs.items():
        wall, cpu, memory = (median(getattr(cost, field) for cost in row) for field in ("wall", "cpu", "memory"))
        shown = " ".join(f"{accuracy:.3f}" for accuracy in accuracies[name])
        print(f"| {name} | {wall:.1f} | {cpu:.1f} | {first / cpu:.2f} | {memory:.0f} | {shown} |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--limit", type=int, default=500, help="rows in each half")
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--test-fraction", type=float, default=0.1)
    parser.add_argument("--weak", default="minilm-l2")
    parser.add_argument("--strong", default="minilm-l6")
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--repeat", type=int, default=2)
    parser.add_argument("--steps", type=int, default=12)
    parser.add_argument("--one-at-a-time", action="store_true", help="time micro-batches of 1 as well")
    options = parser.parse_args()
    os.environ["W2S_THREADS"] = str(options.threads)
    for precision in ("fp32", "bf16"):
        plan = make_plan(spec(options, precision))
        step.report(plan.runs[plan.triplets[0].ceiling], options.threads, options.steps)
    probes()
    whole(options)


if __name__ == "__main__":
    main()
