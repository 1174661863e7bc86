"""Work on data sets survives what happens to its worker, and a training does not hold it up."""

from pathlib import Path
from typing import Any

import pytest

from tests.factories.imports import HOW, content
from tests.lab import Lab, slow


def bring(lab: Lab, folder: Path, rows: int) -> int:
    path = folder / "notes.csv"
    path.write_bytes(content(rows))
    status, answer = lab.upload("/datasets", path, name="notes", mapping=HOW)
    assert status == 202, answer
    return int(answer["id"])


def state(lab: Lab, pk: int) -> Any:
    return lab.call("GET", f"/imports/{pk}")[1]


def test_a_file_is_checked_while_the_only_training_worker_is_busy(lab: Lab, tmp_path: Path) -> None:
    run = lab.launch(slow())
    lab.until(lambda: lab.run(run, "weak")["step"] > 0)
    pk = bring(lab, tmp_path, 300)
    lab.until(lambda: state(lab, pk)["state"] == "saved")
    assert lab.run(run, "weak")["status"] == "running"


def test_a_worker_that_is_killed_is_noticed_and_leaves_no_process(lab: Lab, tmp_path: Path) -> None:
    pk = bring(lab, tmp_path, 300_000)
    lab.until(lambda: state(lab, pk)["done"] > 0)
    lab.kill("w2s-chores")
    failed = lab.until(lambda: (answer := state(lab, pk))["state"] == "failed" and answer, 30)
    assert "gave no sign of life" in failed["error"]
    lab.until(lambda: not lab.processes("training", "data"))
    assert bring(lab, tmp_path, 200) > pk


@pytest.mark.long
def test_what_is_queued_while_the_laboratory_is_down_is_done_when_it_is_back(tmp_path: Path) -> None:
    with Lab(tmp_path / "lab") as lab:
        pk = bring(lab, tmp_path, 300_000)
        lab.until(lambda: state(lab, pk)["done"] > 0)
        lab.stop()
        lab.until(lambda: not lab.processes())
        lab.start()
        lab.until(lambda: state(lab, pk)["state"] == "saved", 120)
