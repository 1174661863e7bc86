"""Whole experiments of three shapes by the engine and by a straightforward trainer, and a step beside its matrix products.

python -m tests.benchmarks.engine --shape MiniLM --seeds 3 --busy 4

Both have the threads that they take by themselves, unless ``--threads`` says how many. ``--busy`` are processes beside them that
never wait. Contenders take turns; costs are of all seeds together.
"""

import argparse
import contextlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from time import perf_counter
from typing import Any

from tests.benchmarks import step
from tests.benchmarks.shapes import SHAPES, Shape
from training import Plan, make_plan


@dataclass
class Cost:
    """Seconds on the clock, seconds of processor, and the largest memory of one process in MB."""

    wall: float = 0.0
    cpu: float = 0.0
    memory: float = 0.0

    def __add__(self, other: "Cost") -> "Cost":
        return Cost(self.wall + other.wall, self.cpu + other.cpu, max(self.memory, other.memory))


@dataclass
class Outcome:
    """The cost of a whole experiment, and the accuracy of each of its runs by key."""

    cost: Cost
    accuracies: dict[str, float]


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


def reference(plan: Plan, micro: int, threads: int | None) -> Outcome:
    """Train every run by a process of its own, which loads and tokenises anew, as the public reference does."""
    total, accuracies = Cost(), dict[str, float]()
    with tempfile.TemporaryDirectory() as store:
        command = ["-m", "tests.benchmarks.reference", "--store", store, "--micro-batch", str(micro)]
        command += ["--threads", str(threads)] if threads else []
        for key, run in plan.runs.items():
            cost, output = spent(command, run.model_dump_json())
            total += cost
            accuracies[key] = json.loads(output)["accuracy"]
    return Outcome(total, accuracies)


def engine(plan: Plan, trainers: int) -> Outcome:
    with tempfile.TemporaryDirectory() as folder:
        recipe = Path(folder) / "recipe.json"
        recipe.write_text(plan.spec.model_dump_json())
        cost, output = spent(["-m", "training", "run", str(recipe), "--out", folder, "--trainers", str(trainers)])
        events: list[dict[str, Any]] = [json.loads(line) for line in output.splitlines()]
        return Outcome(cost, {event["run"]: event["accuracy"] for event in events if event["kind"] == "finished"})


@contextlib.contextmanager
def busy(processes: int) -> Iterator[None]:
    """Have so many processes compute without a pause."""
    started = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(processes)]
    try:
        yield
    finally:
        for process in started:
            process.kill()
            process.wait()


def report(name: str, shape: Shape, folder: Path, options: argparse.Namespace) -> None:
    precisions = ["auto"] if options.auto else ["auto", "fp32"]
    plans = {precision: make_plan(shape.spec(folder, options.seeds, precision)) for precision in precisions}
    outcomes = {}
    with busy(options.busy):
        for micro in options.micro_batch:
            outcomes[f"straightforward, {micro} text{'s' if micro > 1 else ''} at a time"] = reference(
                plans["auto"], micro, options.threads
            )
        for precision, plan in plans.items():
            for trainers in options.trainers:
                outcomes[f"engine, {trainers} trainer{'s' if trainers > 1 else ''}, {precision}"] = engine(plan, trainers)
    print(f"\n{name}: {options.seeds} seeds, {options.busy} busy processes, {options.threads or 'its own'} threads")
    print("| | wall s | processor s | peak MB | weak | ceiling | naive | confidence |\n|---|---|---|---|---|---|---|---|")
    for title, outcome in outcomes.items():
        plan = plans["fp32" if title.endswith("fp32") else "auto"]
        shown = " | ".join(f"{accuracy:.3f}" for accuracy in means(plan, outcome))
        print(f"| {title} | {outcome.cost.wall:.1f} | {outcome.cost.cpu:.1f} | {outcome.cost.memory:.0f} | {shown} |", flush=True)


def means(plan: Plan, outcome: Outcome) -> list[float]:
    """Return the mean accuracy over seeds of supervisors, ceilings, naive and confidence students."""
    kinds: dict[str, dict[str, float]] = {"weak": {}, "ceiling": {}, "naive": {}, "confidence": {}}
    for triplet in plan.triplets:
        student = plan.runs[triplet.student].method.kind
        for kind, key in (("weak", triplet.weak), ("ceiling", triplet.ceiling), (student, triplet.student)):
            kinds[kind][key] = outcome.accuracies[key]
    return [sum(by_key.values()) / len(by_key) for by_key in kinds.values()]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shape", choices=SHAPES, action="append", help="all of them if none is named")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--share", type=float, default=1.0, help="share of the rows to train on")
    parser.add_argument("--threads", type=int)
    parser.add_argument("--busy", type=int, default=0)
    parser.add_argument("--micro-batch", type=int, nargs="*", default=[1, 32])
    parser.add_argument("--trainers", type=int, nargs="*", default=[1, 2], help="runs that the engine trains at a time")
    parser.add_argument("--auto", action="store_true", help="leave out the engine in fp32")
    parser.add_argument("--steps", type=int, default=8, help="steps that are timed beside their products; 0 for none")
    options = parser.parse_args()
    if options.threads:
        os.environ["W2S_THREADS"] = str(options.threads)
    with tempfile.TemporaryDirectory() as folder:
        os.environ["DATA_DIR"] = folder  # the library of data sets, the table of local models, and measurements
        for name in options.shape or SHAPES:
            shape = replace(SHAPES[name], rows=round(SHAPES[name].rows * options.share))
            for precision in ("fp32", "bf16") if options.steps else ():
                plan = make_plan(shape.spec(Path(folder), 1, precision))
                step.report(plan.runs[plan.triplets[0].ceiling], options.threads or 1, options.steps)
            report(name, shape, Path(folder), options)


if __name__ == "__main__":
    main()
