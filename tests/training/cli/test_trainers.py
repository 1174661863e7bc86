"""Runs of a recipe in several trainers at a time, as a person starts them."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from training import ExperimentSpec, Plan, Store, make_plan
from training.cli.exits import BAD_INPUT, FAILED, STOPPED
from training.cli.main import main

pytestmark = pytest.mark.servers("commands open the store")

TUNED = {"tuning": "full", "epochs": 1, "batch_size": 32}
SPEC: dict[str, Any] = {
    "data": {"limit": 64, "test_fraction": 0.05, "locked_fraction": 0},
    "weak": {"models": ["minilm-l1"]} | TUNED,
    "strong": {"models": ["minilm-l1"], "lr": 3e-5} | TUNED,
    "methods": [{"kind": "naive"}],
    "seeds": 1,
}


def plan_of(**changes: Any) -> Plan:
    return make_plan(ExperimentSpec.model_validate(SPEC | changes))


def start(folder: Path, trainers: int, **changes: Any) -> subprocess.Popen[str]:
    (folder / "recipe.json").write_text(json.dumps(SPEC | changes))
    command = [sys.executable, "-m", "training", "run", str(folder / "recipe.json"), "--out", str(folder / f"out{trainers}")]
    environment = os.environ | {"W2S_THREADS": "1"}
    return subprocess.Popen(
        [*command, "--trainers", str(trainers)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    )


def test_two_trainers_write_the_same_predictions_as_one_and_train_at_the_same_time(tmp_path: Path) -> None:
    plan, printed = plan_of(), {}
    for number in (1, 2):
        process = start(tmp_path, number)
        out, err = process.communicate()
        assert process.returncode == 0, err
        printed[number] = [json.loads(line) for line in out.splitlines()]
        ends = [line["run"] for line in printed[number] if line["kind"] == "finished"]
        assert sorted(ends) == sorted(plan.runs)
        assert json.loads((tmp_path / f"out{number}/result.json").read_text())["triplets"]
    alone, together = (Store(tmp_path / f"out{number}") for number in (1, 2))
    for key in plan.runs:
        assert alone.read_predictions(key).prob.tobytes() == together.read_predictions(key).prob.tobytes()
    assert overlaps(printed[2])
    assert not overlaps(printed[1])


def overlaps(lines: list[dict[str, Any]]) -> bool:
    """Return whether a run started while another one was at work."""
    at_work = set[str]()
    for line in lines:
        if line["kind"] == "started" and at_work:
            return True
        at_work = {"started": at_work | {line["run"]}, "finished": at_work - {line["run"]}}.get(line["kind"], at_work)
    return False


@pytest.mark.parametrize("sig", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_all_trainers_at_checkpoints(tmp_path: Path, sig: signal.Signals) -> None:
    endless = {role: SPEC[role] | {"epochs": 1000} for role in ("weak", "strong")}
    process = start(tmp_path, 2, **endless)
    assert process.stdout
    begun = set[str]()
    while len(begun) < 2:
        line = json.loads(process.stdout.readline())
        begun |= {line["run"]} if line["kind"] == "metric" else set()
    process.send_signal(sig)
    rest = [json.loads(line) for line in process.stdout]
    assert process.wait(60) == STOPPED
    assert {line["run"] for line in rest if line["kind"] == "stopped"} == begun
    assert {line["run"] for line in rest if line["kind"] == "checkpoint"} == begun


def test_a_killed_trainer_fails_the_command_and_leaves_no_other(tmp_path: Path) -> None:
    process = start(tmp_path, 2)
    assert process.stdout
    while json.loads(process.stdout.readline())["kind"] != "started":
        pass
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    os.kill(int(children[0]), signal.SIGKILL)
    process.communicate()
    assert process.returncode == FAILED
    assert not any(Path(f"/proc/{child}").exists() for child in children)


def test_fewer_than_one_trainer_is_bad_input(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "movie-reviews", "--out", str(tmp_path), "--trainers", "0"]) == BAD_INPUT
    assert "--trainers is a whole number from 1 on" in capfd.readouterr().err
