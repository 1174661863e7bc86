"""Workers that reach the laboratory by HTTPS alone: no database, no broker, no shared folder, and links that break."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.chaos import hold
from tests.lab import LEASE_SECONDS, ROOT, Lab, quick
from tests.links import Link
from training import ExperimentSpec, RunSpec, Store, make_plan
from training.storage.artifacts import same

LATER = {"models": ["bag-of-words"], "epochs": 2}
LONG = {"models": ["bag-of-words"], "epochs": 60}


class Worker:
    """``manage.py worker --server`` with a data folder of its own, and nothing in its environment but the file of its token."""

    def __init__(self, folder: Path, port: int, token: str, name: str = "gpu0") -> None:
        folder.mkdir(exist_ok=True)
        (folder / "token").write_text(f"{token}\n")
        (folder / "token").chmod(0o600)
        inherited = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "OMP_NUM_THREADS") if name in os.environ}
        environment = inherited | {"DATA_DIR": str(folder / "data"), "W2S_TOKEN_FILE": str(folder / "token")}
        environment |= {"W2S_CHECKPOINT_SECONDS": "0.5", "NO_PROXY": "*"}
        command = [sys.executable, str(ROOT / "manage.py"), "worker", "--server", f"http://127.0.0.1:{port}", "--name", name]
        self.folder = folder
        with (folder / "worker.log").open("ab") as log:
            self.process = subprocess.Popen(command, env=environment, stdout=log, stderr=log, start_new_session=True)

    def end(self, sig: signal.Signals = signal.SIGTERM) -> int:
        if self.process.poll() is None:
            self.process.send_signal(sig)
        return self.process.wait(60)

    def __enter__(self) -> "Worker":
        return self

    def __exit__(self, *_: object) -> None:
        self.end()


@contextmanager
def laboratory(folder: Path) -> Iterator[tuple[Lab, int, str]]:
    """Yield a laboratory without training workers, its port, and the token of a worker."""
    with Lab(folder / "lab", "--workers", "0", MAX_ATTEMPTS="20") as lab:
        token = lab.manage("token", "admin", "--scope", "worker", "--name", "gpu").strip()
        yield lab, int(urlsplit(lab.url).port or 0), token


def assert_as_control(lab: Lab, pk: int, spec: dict[str, Any], folder: Path) -> None:
    """Fail unless every run finished once, with all its events, and predicts what it predicts without a laboratory."""
    assert lab.finished(pk)["state"] == "finished"
    for run in lab.experiment(pk)["runs"]:
        hold(run["key"], lab.events(run["run"]))
    control, artifacts = Store(folder / "control"), Store(lab.data_dir / "artifacts")
    plan = make_plan(ExperimentSpec.model_validate(spec)).runs
    for needy in (False, True):
        train([run for run in plan.values() if bool(run.needs) == needy], control.root)
    for key in plan:
        assert same(control, key, artifacts, key), f"run {key[:12]} predicts something else"


def train(runs: list[RunSpec], root: Path) -> None:
    """Train runs that do not need each other, without a laboratory."""
    command = [sys.executable, "-m", "training", "execute", "--store", str(root)]
    documents = "\n".join(run.model_dump_json() for run in runs) + "\n\n"
    subprocess.run(command, cwd=ROOT, input=documents.encode(), capture_output=True, check=True, timeout=280)


def test_a_worker_with_https_alone_trains_an_experiment_to_the_numbers_of_a_control(tmp_path: Path) -> None:
    spec = quick()
    with laboratory(tmp_path) as (lab, port, token), Worker(tmp_path / "worker", port, token) as worker:
        pk = lab.launch(spec)
        assert_as_control(lab, pk, spec, tmp_path)
        logs = [lab.call("GET", f"/runs/{run['run']}/log")[1]["lines"] for run in lab.experiment(pk)["runs"]]
        assert all(logs)
        (row,) = [row for row in lab.call("GET", "/workers")[1]["workers"] if "HTTPS" in row["name"]]
        assert (row["online"], bool(row["devices"])) == (True, True)
        assert worker.end() == 0
        lab.until(lambda: not [row for row in lab.call("GET", "/workers")[1]["workers"] if row["online"]])
        assert token not in (tmp_path / "worker" / "worker.log").read_text()
        assert not (tmp_path / "worker" / "data" / "lab.sqlite3").exists()


@pytest.mark.long
def test_a_run_goes_on_with_another_worker_when_its_own_is_killed(tmp_path: Path) -> None:
    spec = quick(weak=LONG, strong=LATER, data={})
    with laboratory(tmp_path) as (lab, port, token):
        first = Worker(tmp_path / "first", port, token, "first")
        pk = lab.launch(spec)
        run = lab.until(lambda: (weak := lab.run(pk, "weak"))["step"] > 0 and weak, 180)["run"]
        lab.until(lambda: [event for event in lab.events(run) if event["kind"] == "checkpoint"], 180)
        first.end(signal.SIGKILL)
        with Worker(tmp_path / "second", port, token, "second"):
            assert_as_control(lab, pk, spec, tmp_path)
        started = [event for event in lab.events(run) if event["kind"] == "started"]
        assert len(started) == 2
        assert started[1]["resumed_from"] > 0


@pytest.mark.long
def test_a_link_that_is_cut_for_longer_than_a_lease_costs_no_event_and_doubles_none(tmp_path: Path) -> None:
    spec = quick(weak=LONG, strong=LATER, data={})
    with laboratory(tmp_path) as (lab, port, token), Link(port) as link, Worker(tmp_path / "worker", link.port, token):
        pk = lab.launch(spec)
        run = lab.until(lambda: (weak := lab.run(pk, "weak"))["step"] > 0 and weak, 180)["run"]
        link.cut()
        lab.until(lambda: [event for event in lab.events(run) if event["kind"] == "lost"], 10 * LEASE_SECONDS)
        link.heal()
        assert_as_control(lab, pk, spec, tmp_path)
        kinds = [event["kind"] for event in lab.events(run)]
        assert kinds.count("claimed") >= 2
