"""Stopped, brought to a newer version and started again, a laboratory goes on with what was queued and in training."""

from pathlib import Path

import pytest

from tests.lab import Lab, slow

BEFORE = "0005"
"""The last migration of experiments of the version before. Until there is a release, an earlier state of this one."""


@pytest.mark.long
def test_runs_of_a_laboratory_that_is_upgraded_go_on_from_their_checkpoints(tmp_path: Path) -> None:
    lab = Lab(tmp_path, W2S_CHECKPOINT_SECONDS="1")
    with lab:
        pk = lab.launch(slow())
        run = lab.run(pk, "weak")["run"]
        lab.until(lambda: [event for event in lab.events(run) if event["kind"] == "checkpoint"])
        before = lab.experiment(pk)
    lab.manage("migrate", "experiments", BEFORE)
    assert "[ ] 0006" in lab.manage("showmigrations", "experiments")
    with lab:  # it migrates the database itself
        assert "[ ]" not in lab.manage("showmigrations", "experiments")
        lab.until(lambda: [event["kind"] for event in lab.events(run)].count("started") == 2)
        events = lab.events(run)
        assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
        assert [event for event in events if event["kind"] == "started"][1]["resumed_from"] > 0
        after = lab.experiment(pk)
        assert {part["key"]: part["role"] for part in after["runs"]} == {part["key"]: part["role"] for part in before["runs"]}
        assert after["spec"] == before["spec"]
        lab.call("POST", f"/experiments/{pk}/stop")
        assert lab.finished(pk)["state"] == "stopped"
