"""Breaks a whole laboratory at random moments and holds it to what it promises: python -m tests.chaos --faults 30 --seed 1.

Four workers train the runs of one experiment. Faults are drawn by the seed: kill -9 of a trainer, a worker, the web server or the
broker, which forgets all calls, a worker that is frozen for longer than its lease and wakes again, and a disk of the artifacts
that is full for some seconds (a small file system of its own, where one may be mounted). Afterwards every run has
finished exactly once, no event is missing or doubled, predictions are those of a control without faults bit for bit, no run was
held for a minute by nobody, and no process is left. A run may break off as often as it is broken here, which is more often than
the laboratory allows by itself.
"""

import argparse
import contextlib
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
from collections.abc import Iterator
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
DISK = 64 * 2**20
FULL_SECONDS = 4.0


@dataclass
class Chaos:
    """One laboratory, and what was done to it. ``seeds`` is how many supervisors, students and ceilings it trains."""

    folder: Path
    seed: int
    seeds: int
    epochs: int
    done: list[str] = field(default_factory=list)
    longest_silence: float = 0.0
    small: bool = False
    """Whether the artifacts have a small disk of their own."""

    def __post_init__(self) -> None:
        self.random = random.Random(self.seed)
        small = {"models": ["bag-of-words"], "epochs": self.epochs}
        self.spec = quick(name="Chaos", weak=small, strong=small, seeds=self.seeds, data={})
        self.keys = list(make_plan(ExperimentSpec.model_validate(self.spec)).runs)

    def run(self, faults: int) -> None:
        """Raises AssertionError where something that is promised does not hold."""
        patient = {"MAX_ATTEMPTS": "1000", "W2S_CHECKPOINT_SECONDS": "1", "DISK_RESERVE_GIB": "0.004"}
        artifacts = self.folder / "lab" / "artifacts"
        with small_disk(artifacts) as self.small, Lab(self.folder / "lab", "--workers", str(WORKERS), **patient) as lab:
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
            self._compare(artifacts)
        assert set(told) == set(self.keys)
        for key, events in told.items():
            hold(key, events)
        assert self.longest_silence < ORPHANED_SECONDS, f"a run was held by nobody for {self.longest_silence:.0f} s"

    def _compare(self, artifacts: Path) -> None:
        """Trains the same from the command line, undisturbed, and compares every prediction."""
        recipe, out = self.folder / "recipe.json", self.folder / "control"
        recipe.write_text(ExperimentSpec.model_validate(self.spec).model_dump_json())
        command = [sys.executable, "-m", "training", "run", str(recipe), "--out", str(out)]
        subprocess.run(command, cwd=ROOT, check=True, timeout=LONGEST_SECONDS, capture_output=True)
        for key in self.keys:
            one, two = (Store(root).read_predictions(key) for root in (out, artifacts))
            assert one.prob.tobytes() == two.prob.tobytes(), f"run {key[:12]} predicts something else than without faults"

    def _break(self, lab: Lab) -> None:
        what, struck = self._draw(lab)
        if what == "disk":
            self._fill(lab.data_dir / "artifacts" / "filler")
        else:
            self._signal(struck, signal.SIGSTOP if what == "freeze" else signal.SIGKILL)
        if what == "freeze":
            time.sleep(2 * LEASE_SECONDS)
            self._signal(struck, signal.SIGCONT)
        self.done.append(what)
        print(f"{time.strftime('%H:%M:%S')} {len(self.done):3d} {what}", flush=True)

    def _draw(self, lab: Lab) -> tuple[str, list[int]]:
        """What to break, and its processes; again until there is something to break: a killed worker takes seconds to be back."""
        while True:
            what = self.random.choice(["trainer", "worker", "web", "broker", "freeze", *(["disk"] if self.small else [])])
            trainers, worker = lab.processes("training", "execute"), f"worker{self.random.randrange(WORKERS)}@"
            struck = {
                "trainer": trainers and [self.random.choice(trainers)],
                "web": lab.processes("uvicorn"),
                "broker": lab.processes("valkey-server"),
            }.get(what, lab.processes("celery", worker))
            if struck or what == "disk":
                return what, struck

    def _fill(self, filler: Path) -> None:
        """The disk is full for some seconds."""
        with contextlib.suppress(OSError), filler.open("wb", buffering=0) as file:
            while True:
                file.write(bytes(2**16))
        time.sleep(FULL_SECONDS)
        filler.unlink()

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


@contextlib.contextmanager
def small_disk(folder: Path) -> Iterator[bool]:
    """Puts a small file system of its own at ``folder``, which then can be full. False where that is not allowed."""
    folder.mkdir(parents=True)
    command = ["mount", "-t", "tmpfs", "-o", f"size={DISK}", "tmpfs", str(folder)]
    try:
        subprocess.run(command, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        yield False
        return
    try:
        yield True
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


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
    print(f"all {len(chaos.keys)} runs finished once, with every event, and predict what they predict without faults")


if __name__ == "__main__":
    main()
