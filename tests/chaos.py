"""Breaks a whole laboratory at random moments and holds it to what it promises: python -m tests.chaos --faults 30 --seed 1.

Four workers train the runs of one experiment. Faults are drawn by the seed: kill -9 of a trainer, a worker, the web server or the
broker, which forgets all calls, and a worker that is frozen for longer than its lease and wakes again. Afterwards every run has
finished exactly once, no event is missing or doubled, predictions are those of a control without faults bit for bit, no run was
held for a minute by nobody, and no process is left. A run may break off as often as it is broken here, which is more often than
the laboratory allows by itself. A full disk is not among the faults: it needs a file system of its own.
"""

import argparse
import os
import random
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from training import ExperimentSpec, Store, make_plan

from .lab import LEASE_SECONDS, ROOT, Lab, quick

WORKERS = 4
PAUSE_SECONDS = (0.5, 4.0)
ORPHANED_SECONDS = 60.0
LONGEST_SECONDS = 900.0


@dataclass
class Chaos:
    """One laboratory, and what was done to it. ``seeds`` is how many supervisors, students and ceilings it trains."""

    folder: Path
    seed: int
    seeds: int
    epochs: int
    done: list[str] = field(default_factory=list)
    longest_silence: float = 0.0

    def __post_init__(self) -> None:
        self.random = random.Random(self.seed)
        small = {"models": ["bag-of-words"], "epochs": self.epochs}
        self.spec = quick(name="Chaos", weak=small, strong=small, seeds=self.seeds, data={})
        self.keys = list(make_plan(ExperimentSpec.model_validate(self.spec)).runs)

    def run(self, faults: int) -> None:
        """Raises AssertionError where something that is promised does not hold."""
        patient = {"MAX_ATTEMPTS": "1000", "W2S_CHECKPOINT_SECONDS": "1"}
        with Lab(self.folder / "lab", "--workers", str(WORKERS), **patient) as lab:
            pk = lab.launch(self.spec)
            over = threading.Event()
            watch = threading.Thread(target=self._watch, args=(lab, over))
            watch.start()
            try:
                lab.until(lambda: lab.processes("training", "execute"))
                for _ in range(faults):
                    time.sleep(self.random.uniform(*PAUSE_SECONDS))
                    if self._state(lab) == "finished":
                        break
                    self._break(lab)
                lab.until(lambda: self._state(lab) == "finished", LONGEST_SECONDS)
            finally:
                over.set()
                watch.join()
            told = {run["key"]: lab.events(run["run"]) for run in lab.experiment(pk)["runs"]}
            lab.stop()
            lab.until(lambda: not lab.processes(), 30)
        assert set(told) == set(self.keys)
        for key, events in told.items():
            hold(key, events)
        assert self.longest_silence < ORPHANED_SECONDS, f"a run was held by nobody for {self.longest_silence:.0f} s"

    def control(self) -> None:
        """Trains the same from the command line, undisturbed, and compares every prediction."""
        recipe, out = self.folder / "recipe.json", self.folder / "control"
        recipe.write_text(ExperimentSpec.model_validate(self.spec).model_dump_json())
        command = [sys.executable, "-m", "training", "run", str(recipe), "--out", str(out)]
        subprocess.run(
            command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=LONGEST_SECONDS
        )
        for key in self.keys:
            one, two = (Store(root).read_predictions(key) for root in (out, self.folder / "lab" / "artifacts"))
            assert one.prob.tobytes() == two.prob.tobytes(), f"run {key[:12]} predicts something else than without faults"

    def _break(self, lab: Lab) -> None:
        """Draws until there is something to break: a worker that was killed takes seconds to be back."""
        struck: list[int] = []
        while not struck:
            what = self.random.choice(["trainer", "worker", "web", "broker", "freeze"])
            trainers, worker = lab.processes("training", "execute"), f"worker{self.random.randrange(WORKERS)}@"
            struck = {
                "trainer": trainers and [self.random.choice(trainers)],
                "web": lab.processes("uvicorn"),
                "broker": lab.processes("valkey-server"),
            }.get(what, lab.processes("celery", worker))
        self._signal(struck, signal.SIGSTOP if what == "freeze" else signal.SIGKILL)
        if what == "freeze":
            time.sleep(2 * LEASE_SECONDS)
            self._signal(struck, signal.SIGCONT)
        self.done.append(what)
        print(f"{time.strftime('%H:%M:%S')} {len(self.done):3d} {what}", flush=True)

    def _signal(self, pids: list[int], sig: signal.Signals) -> None:
        for pid in pids:
            try:
                os.kill(pid, sig)
            except ProcessLookupError:
                continue  # it ended by itself in between

    def _state(self, lab: Lab) -> str:
        statuses = [status for (status,) in rows(lab, "SELECT status FROM experiments_run")]
        assert not [status for status in statuses if status in ("failed", "stopped")], Counter(statuses)
        return "finished" if statuses and set(statuses) == {"finished"} else "at work"

    def _watch(self, lab: Lab, over: threading.Event) -> None:
        """How long a run that is said to train was without a lease, at the longest."""
        query = """SELECT MAX((julianday('now') - julianday(lease_until)) * 86400) FROM experiments_run
                   WHERE status IN ('running', 'stopping')"""
        while not over.wait(0.5):
            [(late,)] = rows(lab, query)
            self.longest_silence = max(self.longest_silence, late or 0.0)


def rows(lab: Lab, query: str) -> list[tuple[Any, ...]]:
    """Of the laboratory's database itself, as its web server may be dead."""
    with closing(sqlite3.connect(f"file:{lab.data_dir / 'lab.sqlite3'}?mode=ro", uri=True, timeout=20)) as database:
        return database.execute(query).fetchall()


def hold(key: str, events: list[dict[str, Any]]) -> None:
    """The events of one run: numbered without a gap, by one attempt after the other, with one end."""
    kinds = [event["kind"] for event in events]
    assert [event["seq"] for event in events] == list(range(1, len(events) + 1)), f"events of run {key[:12]} are missing"
    attempts = [event["attempt"] for event in events]
    assert attempts == sorted(attempts), f"an event of an old attempt of run {key[:12]} was taken"
    assert [event["attempt"] for event in events if event["kind"] == "claimed"] == list(range(1, kinds.count("claimed") + 1))
    assert kinds.count("finished") == 1, f"run {key[:12]} finished {kinds.count('finished')} times"
    assert kinds[-1] == "finished"
    last = [event["step"] for event in events if event["kind"] == "metric" and event["attempt"] == attempts[-1]]
    assert last == sorted(set(last)), f"points of run {key[:12]} are doubled"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--faults", type=int, default=30)
    parser.add_argument("--seed", type=int, default=random.randrange(10**6), help="draws the faults and their moments")
    options = parser.parse_args()
    print(f"{options.faults} faults, seed {options.seed}", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        chaos, begun = Chaos(Path(folder), options.seed, seeds=max(2, options.faults // 3), epochs=250), time.monotonic()
        chaos.run(options.faults)
        print(f"{len(chaos.done)} faults in {time.monotonic() - begun:.0f} s: {dict(Counter(chaos.done))}")
        print(f"longest time that a run was held by nobody: {chaos.longest_silence:.1f} s")
        chaos.control()
    print(f"all {len(chaos.keys)} runs finished once, with every event, and predict what they predict without faults")


if __name__ == "__main__":
    main()
