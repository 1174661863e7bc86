"""A worker that has several processes for one run, from the form's spec to the result."""

import os
import signal
from pathlib import Path

import pytest

from tests.lab import Lab, quick


@pytest.mark.long
def test_a_worker_with_two_processes_trains_transformers_with_both_and_leaves_none(tmp_path: Path) -> None:
    strong = {"models": ["minilm-l1"], "tuning": "full", "epochs": 1}
    spec = quick(strong=strong, data={"limit": 64, "test_fraction": 0.05, "locked_fraction": 0})
    with Lab(tmp_path, W2S_PROCESSES="2") as lab:
        pk = lab.launch(spec)
        assert lab.finished(pk)["state"] == "finished"
        devices = {role: lab.events(lab.run(pk, role)["run"])[2]["device"] for role in ("weak", "student", "ceiling")}
        assert devices == {"weak": "cpu, 1 thread", "student": "2 x cpu, 1 thread", "ceiling": "2 x cpu, 1 thread"}
        assert not lab.processes("execute")

        slow = lab.launch(
            quick(
                strong=strong | {"epochs": 1000}, data={"limit": 64, "test_fraction": 0.05, "locked_fraction": 0, "split_seed": 1}
            )
        )
        lab.until(lambda: lab.run(slow, "ceiling")["step"] > 0)
        watcher, *others = lab.processes("execute")
        assert len(others) == 2
        os.kill(others[1], signal.SIGKILL)
        run = lab.run(slow, "ceiling")["run"]
        lost = lab.until(lambda: [event for event in lab.events(run) if event["kind"] == "lost"])
        assert lost[0]["cause"].startswith("one of the processes of this run, process 2 of 2, was killed by signal 9")
        lab.until(lambda: not set(lab.processes("execute")) & {watcher, *others}, 5)
        lab.until(lambda: [event["kind"] for event in lab.events(run)].count("started") == 2)
        lab.call("POST", f"/experiments/{slow}/stop")
