"""However often the broker delivers the call for a run, one trainer at a time exists for it, by the kernel's own records."""

import contextlib
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.lab import Lab, quick

VISIBILITY_SECONDS = 3


class Watch(threading.Thread):
    """Observe the processes every few milliseconds. A trainer is recognized by its standard error, the log of its run."""

    def __init__(self, logs: Path) -> None:
        super().__init__(daemon=True)
        self.logs, self.over = logs, threading.Event()
        self.seen: dict[str, set[int]] = defaultdict(set)
        """Trainers that ever existed, by run."""
        self.most = 0
        """Trainers of one run at the same time."""

    def run(self) -> None:
        while not self.over.wait(0.02):
            now: dict[str, set[int]] = defaultdict(set)
            for key, pid in self.trainers():
                now[key].add(pid)
                self.seen[key].add(pid)
            self.most = max([self.most, *map(len, now.values())])

    def trainers(self) -> Iterator[tuple[str, int]]:
        for entry in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                log = (entry / "fd/2").readlink()
                if log.parent == self.logs and (entry / "comm").read_text().strip() == "execute":
                    yield log.stem, int(entry.name)


@pytest.mark.long
@pytest.mark.timeout(900)
def test_two_workers_and_a_broker_that_delivers_again_and_dies_train_each_run_once(tmp_path: Path) -> None:
    long = {"models": ["bag-of-words"], "epochs": 300}
    with Lab(tmp_path, "--workers", "2", BROKER_VISIBILITY_SECONDS=str(VISIBILITY_SECONDS)) as lab:
        watch = Watch(tmp_path / "logs" / "runs")
        watch.start()
        pk = lab.launch(quick(weak=long, strong={"models": ["bag-of-words"], "epochs": 2}, data={}))
        begun = time.monotonic()
        lab.until(lambda: lab.run(pk, "weak")["step"] > 0)
        lab.until(lambda: time.monotonic() - begun > VISIBILITY_SECONDS)
        assert lab.run(pk, "weak")["status"] == "running", "the broker may take the call for lost while its run trains"
        lab.kill("valkey-server")
        lab.until(lambda: lab.processes("valkey-server"))
        lab.manage("shell", "-c", "from webapp.notifications import TRAINING, call; call(TRAINING, 5)")
        runs = lab.finished(pk)["runs"]
        watch.over.set()
        watch.join()
        together = [event["together"] for run in runs for event in lab.events(run["run"]) if event["kind"] == "claimed"]
        kinds = {run["key"]: [event["kind"] for event in lab.events(run["run"])] for run in runs}
    assert watch.most == 1
    # Heads that are trained side by side have one trainer, which is seen by the log of the first of them.
    assert watch.seen.keys() <= kinds.keys()
    assert [len(pids) for pids in watch.seen.values()] == [1] * len(watch.seen)
    assert len(watch.seen) == sum(1 / count for count in together) > 1
    for events_of_run in kinds.values():
        assert (events_of_run.count("claimed"), events_of_run.count("finished"), events_of_run.count("lost")) == (1, 1, 0)
