"""Breaks a whole laboratory at random moments and holds it to what it promises: python -m tests.chaos --faults 30 --seed 1.

Four workers train the runs of one experiment. Faults are drawn by the seed: kill -9 of a trainer, a worker, the web server or the
broker, which forgets all calls; a worker that is frozen for longer than its lease and wakes again; a broker that is frozen for
some seconds; a disk of the artifacts that is full for some seconds (a small file system of its own, where one may be mounted); a
database that is away for a second, or for a minute (SQLite: locked by another process; --postgres: a server that is stopped and
started, or frozen); and a finished run whose predictions are damaged on the disk.

Afterwards every run has finished exactly once, and once more for each time that it was damaged, no event is missing or doubled,
predictions are those of a control without faults bit for bit, no run was held for a minute by nobody, and no process is left. A
run may break off as often as it is broken here, which is more often than the laboratory allows by itself. However slow the
machine is, it may go on for as long as something happens.
"""

import argparse
import contextlib
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.databases import Database, Postgres, Sqlite
from tests.disks import small_disk
from tests.lab import LEASE_SECONDS, ROOT, Lab, quick
from training import ExperimentSpec, RunSpec, Store, make_plan

WORKERS = 4
PAUSE_SECONDS = (0.5, 4.0)
ORPHANED_SECONDS = 60.0
STUCK_SECONDS = 180.0
"""Without any event, or any line of the control."""
FULL_SECONDS = 4.0
FROZEN_SECONDS = (2.0, 10.0)
AWAY_SECONDS = {"database away 1 s": 1.0, "database away 60 s": 60.0}
FLIPPED = 8
"""Bits of a damaged file."""


@dataclass
class Chaos:
    """One laboratory, and what was done to it. ``seeds`` is how many supervisors, students and ceilings it trains.

    With ``postgres`` its database is such a server. ``only`` are the faults to draw from, all by default.
    """

    folder: Path
    seed: int
    seeds: int
    epochs: int
    postgres: bool = False
    only: tuple[str, ...] = ()
    done: list[str] = field(default_factory=list)
    longest_silence: float = 0.0
    excused: int = 0
    failed: bool = False
    small: bool = False
    """True if the artifacts have a small disk of their own."""

    def __post_init__(self) -> None:
        self.random = random.Random(self.seed)
        small = {"models": ["bag-of-words"], "epochs": self.epochs}
        self.spec = quick(name="Chaos", weak=small, strong=small, seeds=self.seeds, data={})
        self.plan = make_plan(ExperimentSpec.model_validate(self.spec)).runs
        self.back_at = datetime.min.replace(tzinfo=UTC)

    def run(self, faults: int) -> None:
        """Raises AssertionError where something that is promised does not hold."""
        patient = {"MAX_ATTEMPTS": "1000", "W2S_CHECKPOINT_SECONDS": "1", "DISK_RESERVE_GIB": "0.004"}
        artifacts = self.folder / "lab" / "artifacts"
        with contextlib.ExitStack() as stack:
            control = stack.enter_context(ThreadPoolExecutor(1)).submit(self._control)
            stack.push(self._note_failure)
            self.small = stack.enter_context(small_disk(artifacts))
            self.database = stack.enter_context(self._database(patient))
            lab = stack.enter_context(Lab(self.folder / "lab", "--workers", str(WORKERS), **patient))
            pk = lab.launch(self.spec)
            over = threading.Event()
            watch = threading.Thread(target=self._watch, args=(over,))
            watch.start()
            try:
                lab.until(lambda: lab.processes("training", "execute"), STUCK_SECONDS)
                for _ in range(faults):
                    time.sleep(self.random.uniform(*PAUSE_SECONDS))
                    if self._state() == "finished":
                        break
                    self._break(lab)
                lab.until(lambda: self._state() == "finished", STUCK_SECONDS, self._events)
            finally:
                over.set()
                watch.join()
            events_by_key = {run["key"]: lab.events(run["run"]) for run in lab.experiment(pk)["runs"]}
            lab.stop()
            lab.until(lambda: not lab.processes(), STUCK_SECONDS)
            control.result()
            self._compare(artifacts)
        assert set(events_by_key) == set(self.plan)
        for key, events in events_by_key.items():
            hold(key, events)
            self.excused += sum(event.get("excused", False) for event in events)
        assert self.longest_silence < ORPHANED_SECONDS, f"a run was held by nobody for {self.longest_silence:.0f} s"

    @contextlib.contextmanager
    def _database(self, environment: dict[str, str]) -> Iterator[Database]:
        if not self.postgres:
            yield Sqlite(self.folder / "lab" / "lab.sqlite3")
            return
        folder = self.folder / "postgres"
        folder.mkdir()
        server = Postgres(folder)
        environment["DATABASE_URL"] = server.url
        try:
            yield server
        finally:
            server.stop()

    def _note_failure(self, kind: object, *_: object) -> None:
        """The control ends with what broke, and does not train on."""
        self.failed = kind is not None

    def _control(self) -> None:
        """Train the same runs without a laboratory, some at a time, those that label for others first."""
        with ThreadPoolExecutor(WORKERS) as pool:
            for labels in (True, False):
                list(pool.map(self._train, [run for run in self.plan.values() if bool(run.needs) != labels]))

    def _train(self, run: RunSpec) -> None:
        if self.failed:
            return
        command = [sys.executable, "-m", "training", "execute", "--store", str(self.folder / "control")]
        with subprocess.Popen(
            command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        ) as control:
            assert control.stdin
            assert control.stdout
            control.stdin.write(run.model_dump_json().encode())
            control.stdin.close()
            answered = True
            while answered:
                stuck = threading.Timer(STUCK_SECONDS, control.kill)
                stuck.start()
                answered = bool(control.stdout.readline())
                stuck.cancel()
            assert control.wait() == 0, "the control did not finish"

    def _compare(self, artifacts: Path) -> None:
        for key in self.plan:
            expected, two = (Store(root).read_predictions(key) for root in (self.folder / "control", artifacts))
            assert expected.prob.tobytes() == two.prob.tobytes(), f"run {key[:12]} predicts something else than without faults"

    # The faults.

    def _break(self, lab: Lab) -> None:
        what, struck = self._draw(lab)
        if what in AWAY_SECONDS:
            self._take_database(AWAY_SECONDS[what])
        elif what == "disk":
            self._fill(lab.data_dir / "artifacts" / "filler")
        elif what == "artifact":
            self._damage(lab)
        elif what in ("freeze", "broker frozen"):
            self._signal(struck, signal.SIGSTOP)
            time.sleep(2 * LEASE_SECONDS if what == "freeze" else self.random.uniform(*FROZEN_SECONDS))
            self._signal(struck, signal.SIGCONT)
        else:
            self._signal(struck, signal.SIGKILL)
        self.done.append(what)
        print(f"{time.strftime('%H:%M:%S')} {len(self.done):3d} {what}", flush=True)

    def _draw(self, lab: Lab) -> tuple[str, list[int]]:
        """Return what to break, and its processes, once there is something to break: a killed worker takes seconds to be back."""
        kinds = ["trainer", "worker", "web", "broker", "freeze", *(["disk"] if self.small else []), *AWAY_SECONDS]
        kinds += ["broker frozen", "artifact"]
        while True:
            what = self.random.choice(self.only or kinds)
            trainers, worker = lab.processes("training", "execute"), f"w2s-worker{self.random.randrange(WORKERS)}"
            broker = lab.processes("valkey-server")
            struck = {
                "trainer": trainers and [self.random.choice(trainers)],
                "web": lab.processes("w2s-web"),
                "broker": broker,
                "broker frozen": broker,
            }.get(what, lab.processes(worker))
            if what == "artifact" and not self._finished():
                continue
            if struck or what == "disk" or what in AWAY_SECONDS:
                return what, struck

    def _fill(self, filler: Path) -> None:
        """The disk is full for some seconds."""
        with contextlib.suppress(OSError), filler.open("wb", buffering=0) as file:
            while True:
                file.write(bytes(2**16))
        time.sleep(FULL_SECONDS)
        filler.unlink()

    def _take_database(self, seconds: float) -> None:
        self.back_at = datetime.max.replace(tzinfo=UTC)
        if isinstance(self.database, Postgres) and self.random.random() < 0.5:
            self.database.frozen(seconds)
        else:
            self.database.away(seconds)
        self.back_at = datetime.now(UTC)

    def _damage(self, lab: Lab) -> None:
        """Flips bits of a finished run's predictions, and has the laboratory compare its artifacts with their checksums."""
        file = Store(lab.data_dir / "artifacts").run(self.random.choice(self._finished())) / "predictions.parquet"
        data = bytearray(file.read_bytes())
        for _ in range(FLIPPED):
            data[self.random.randrange(len(data))] ^= 1 << self.random.randrange(8)
        file.write_bytes(data)
        verify = subprocess.Popen([sys.executable, str(ROOT / "manage.py"), "verify"], env=lab.environment, stdout=sys.stderr)
        lab.until(lambda: verify.poll() is not None, STUCK_SECONDS, self._events)
        assert verify.returncode == 0

    def _signal(self, pids: list[int], sig: signal.Signals) -> None:
        for pid in pids:
            try:
                os.kill(pid, sig)
            except ProcessLookupError:
                continue  # it ended by itself in between

    # What the record says.

    def _finished(self) -> list[str]:
        return [key for (key,) in self.database.rows("SELECT key FROM experiments_run WHERE status = 'finished' ORDER BY key")]

    def _events(self) -> int:
        return int(self.database.rows("SELECT COUNT(*) FROM experiments_event")[0][0])

    def _state(self) -> str:
        statuses = [status for (status,) in self.database.rows("SELECT status FROM experiments_run")]
        assert not [status for status in statuses if status in ("failed", "stopped")], Counter(statuses)
        return "finished" if statuses and set(statuses) == {"finished"} else "at work"

    def _watch(self, over: threading.Event) -> None:
        """The longest time that a training run was without a lease; times when no lease could be renewed do not count."""
        query = "SELECT lease_until FROM experiments_run WHERE status IN ('running', 'stopping')"
        while not over.wait(0.5):
            with contextlib.suppress(OSError):
                for (until,) in self.database.rows(query):
                    late = datetime.now(UTC) - max(moment(until), self.back_at)
                    self.longest_silence = max(self.longest_silence, late.total_seconds())


def moment(value: datetime | str) -> datetime:
    """Parse a time of PostgreSQL, or one of SQLite: text in UTC."""
    return value if isinstance(value, datetime) else datetime.fromisoformat(f"{value}+00:00")


def hold(key: str, events: list[dict[str, Any]]) -> None:
    """The events of one run: numbered without a gap, by one attempt after the other, with one end."""
    kinds = [event["kind"] for event in events]
    assert [event["seq"] for event in events] == list(range(1, len(events) + 1)), f"events of run {key[:12]} are missing"
    attempts = [event["attempt"] for event in events]
    assert attempts == sorted(attempts), f"an event of an old attempt of run {key[:12]} was taken"
    assert [event["attempt"] for event in events if event["kind"] == "claimed"] == list(range(1, kinds.count("claimed") + 1))
    ends = 1 + kinds.count("damaged")  # whose predictions were damaged is trained again
    assert kinds.count("finished") == ends, f"run {key[:12]} finished {kinds.count('finished')} times and not {ends}"
    assert kinds[-1] == "finished"
    last = [event["step"] for event in events if event["kind"] == "metric" and event["attempt"] == attempts[-1]]
    assert last == sorted(set(last)), f"points of run {key[:12]} are doubled"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--faults", type=int, default=30)
    parser.add_argument("--seed", type=int, default=random.randrange(10**6), help="draws the faults and their moments")
    parser.add_argument("--epochs", type=int, default=250, help="of every run; fewer on a slow machine")
    parser.add_argument("--postgres", action="store_true", help="with a PostgreSQL server of its own, and not with SQLite")
    parser.add_argument("--only", nargs="+", default=(), metavar="FAULT", help="draw from these faults alone")
    options = parser.parse_args()
    print(f"{options.faults} faults, seed {options.seed}", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        seeds, begun = max(2, options.faults // 3), time.monotonic()
        chaos = Chaos(Path(folder), options.seed, seeds, options.epochs, options.postgres, tuple(options.only))
        chaos.run(options.faults)
        print(f"{len(chaos.done)} faults in {time.monotonic() - begun:.0f} s: {dict(Counter(chaos.done))}")
        print(f"longest time that a run was held by nobody: {chaos.longest_silence:.1f} s")
        print(f"attempts that broke off by the database's fault and were not counted: {chaos.excused}")
    print(f"all {len(chaos.plan)} runs finished once, with every event, and predict what they predict without faults")


if __name__ == "__main__":
    main()
