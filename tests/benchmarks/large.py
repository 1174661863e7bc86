"""Cost of a large experiment, and the waits of other writers: python -m tests.benchmarks.large.

A database of its own (SQLite in a temporary folder, or --database URL, which must be empty), one experiment of 49 pairs of
models, two methods and --seeds seeds, 112 runs for each seed. A second process writes all the time, another one is the recovery.
Seconds are by the clock; those of the processor, of this process and the recovery, hold on a busy machine too.
"""

import argparse
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

MODELS = ["bag-of-words", *(f"minilm-l{layers}" for layers in range(1, 7))]
PAUSE_SECONDS = 0.02
ENOUGH_SECONDS = 900.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=50)
    parser.add_argument("--times", type=int, default=5)
    parser.add_argument("--database", default="", metavar="URL")
    parser.add_argument("--write-until", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.write_until:
        write(options.write_until)
        return
    with tempfile.TemporaryDirectory() as folder:
        database = {"DATABASE_URL": options.database} if options.database else {}
        os.environ |= {"DATA_DIR": folder, "DJANGO_SETTINGS_MODULE": "webapp.settings", **database}
        import django

        django.setup()
        from django.core.management import call_command

        call_command("migrate", verbosity=0)
        call_command("collectstatic", verbosity=0, interactive=False)
        measure(options.seeds, options.times, Path(folder))


def write(ended: Path) -> None:
    """Write all the time, as another person would, until the file ``ended`` is there; then store how long the writes waited."""
    import django

    django.setup()
    from django.contrib.auth.models import User
    from django.db import OperationalError

    ended.with_suffix(".begun").touch()
    waits: list[float] = []
    refused = 0
    while not ended.exists():
        begun = time.perf_counter()
        try:
            User.objects.filter(username="other").update(first_name=str(len(waits)))
        except OperationalError:
            refused += 1
        waits.append(time.perf_counter() - begun)
        time.sleep(PAUSE_SECONDS)
    waits.sort()
    figures = {"writes": len(waits), "p99": waits[int(0.99 * (len(waits) - 1))], "longest": waits[-1], "refused": refused}
    ended.with_suffix(".json").write_text(json.dumps(figures))


class Writer:
    """The second process; ``end`` returns what its writes waited."""

    def __init__(self, folder: Path, name: str) -> None:
        self.ended = folder / name
        command = [sys.executable, "-m", "tests.benchmarks.large", "--write-until", str(self.ended)]
        self.process = subprocess.Popen(command)
        while not self.ended.with_suffix(".begun").exists():
            time.sleep(0.05)

    def end(self) -> str:
        time.sleep(0.5)  # at least some writes, however short it was
        self.ended.touch()
        self.process.wait()
        result = json.loads(self.ended.with_suffix(".json").read_text())
        return (
            f"{result['writes']} writes of another process, p99 {result['p99']:.2f} s, "
            f"longest {result['longest']:.2f} s, {result['refused']} refused"
        )


def spec(seeds: int, methods: int = 2) -> dict[str, Any]:
    kinds = ["naive", "confidence", "window", "entropy", "cace", "product", "reverse-ce", "symmetric-ce", "bagging", "adaboost"]
    kinds += ["relabelling", "bootstrapping"]
    models = {"models": MODELS}
    return {"seeds": seeds, "weak": models, "strong": models, "methods": [{"kind": kind} for kind in kinds[:methods]]}


def measure(seeds: int, times: int, folder: Path) -> None:
    from django.contrib.auth.models import User
    from django.test import Client

    from training import ExperimentSpec
    from webapp.accounts.tokens import make_token
    from webapp.actions import experiments as experiment_actions
    from webapp.experiments.models import Status

    owner, _ = User.objects.create_user("ada"), User.objects.create_user("other")
    client = Client(headers={"host": "localhost"})
    client.force_login(owner)
    api = Client(headers={"host": "localhost", "authorization": f"Bearer {make_token(owner)}"})
    body = spec(seeds)
    preview("preview", api, body, times)
    preview("preview of twelve methods", api, spec(seeds, methods=12), 1)
    experiment = experiment_actions.create(owner, ExperimentSpec.model_validate({"name": "Large", **body}))
    recovery = subprocess.Popen([sys.executable, "manage.py", "recover"], stderr=subprocess.DEVNULL)
    try:
        for turn in ("launch", "stop", "launch again", "stop and evaluate"):
            act: Callable[[], object] = partial(experiment_actions.stop, experiment, owner, evaluate=turn.endswith("evaluate"))
            if turn.startswith("launch"):
                act = partial(experiment_actions.launch, experiment, owner)
            writer = Writer(folder, turn.replace(" ", "-"))
            processor = time.process_time() + used(recovery)
            click, whole = timed(experiment, act)
            processor = time.process_time() + used(recovery) - processor
            print(f"{turn}: click {click:.1f} s, whole {whole:.1f} s, processor {processor:.1f} s; {writer.end()}", flush=True)
            stopped = experiment.runs.filter(status=Status.STOPPED).distinct().count()
            print(f"  {stopped} of {experiment.runs.distinct().count()} runs are stopped", flush=True)
            for name, path in (("page", f"/experiments/{experiment.pk}/"), ("status", f"/experiments/{experiment.pk}/status/")):
                answered(f"  {name}", partial(client.get, path), times)
            answered("  API", lambda: api.get(f"/api/v1/experiments/{experiment.pk}"), times)
        answered("list", lambda: client.get("/experiments/"), times)
        answered("queue", lambda: client.get("/queue/"), times)
        writer = Writer(folder, "delete")
        begun = time.perf_counter()
        experiment_actions.delete(experiment, owner)
        print(f"delete: {time.perf_counter() - begun:.1f} s; {writer.end()}", flush=True)
    finally:
        recovery.send_signal(signal.SIGTERM)
        recovery.wait()


def used(process: "subprocess.Popen[bytes]") -> float:
    """Seconds of the processor that the process has used."""
    ticks = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()[11:13]
    return sum(map(int, ticks)) / os.sysconf("SC_CLK_TCK")


def timed(experiment: Any, act: Callable[[], object]) -> tuple[float, float]:
    """Seconds until the click is answered, and until all of it is done."""
    begun = time.perf_counter()
    experiment.refresh_from_db()
    act()
    click = time.perf_counter() - begun
    while getattr(experiment, "transition", "") and time.perf_counter() - begun < ENOUGH_SECONDS:
        time.sleep(0.05)
        experiment.refresh_from_db()
    return click, time.perf_counter() - begun


def preview(name: str, client: Any, body: dict[str, Any], times: int) -> None:
    answered(name, lambda: client.post("/api/v1/experiments/preview", body, content_type="application/json"), times)


def answered(name: str, ask: Callable[[], Any], times: int) -> None:
    """Print the median of ``times`` answers, and the longest."""
    taken, processor = [], time.process_time()
    for _ in range(times):
        begun = time.perf_counter()
        answer = ask()
        taken.append(time.perf_counter() - begun)
    taken.sort()
    seconds = f"median {statistics.median(taken):.2f} s, max {taken[-1]:.2f} s"
    each = (time.process_time() - processor) / times
    size = f"{len(answer.content) // 1024} KiB"
    print(f"{name}: {seconds}, processor {each:.2f} s (status {answer.status_code}, {size})", flush=True)


if __name__ == "__main__":
    main()
