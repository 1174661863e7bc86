"""Devices of a worker are known without torch."""

import os
import stat
from pathlib import Path

import pytest

from webapp.jobs.devices import devices, packages, visible

TWO = [
    ["0", "GPU-aaa", "NVIDIA H100", "81559", "1024", "37"],
    ["1", "GPU-bbb", "NVIDIA H100", "81559", "[N/A]", "[N/A]"],
]


@pytest.mark.parametrize(
    ("wanted", "used"),
    [(None, [2**30, None]), ("1", [None]), ("1,0", [None, 2**30]), ("GPU-b", [None]), ("", []), ("7", [])],
)
def test_a_worker_has_the_devices_that_it_may_see_in_that_order(wanted: str | None, used: list[int | None]) -> None:
    devices_seen = visible(TWO, wanted)
    assert [device["used"] for device in devices_seen] == used
    assert all((device["name"], device["memory"]) == ("NVIDIA H100", 81559 * 2**20) for device in devices_seen)


def test_gpus_are_listed_by_the_driver_s_own_program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "nvidia-smi"
    program.write_text("#!/bin/sh\necho '0, GPU-aaa, NVIDIA L4, 23034, 512, 8'\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    assert devices() == [{"name": "NVIDIA L4", "memory": 23034 * 2**20, "used": 512 * 2**20, "busy": 0.08}]
    program.write_text("#!/bin/sh\nexit 9\n")  # a driver that is not loaded
    (machine,) = devices()
    assert "core" in machine["name"]
    assert machine["memory"] > machine["used"] > 0  # type: ignore[operator]


def test_it_knows_the_versions_of_what_trainings_need() -> None:
    assert {"torch", "transformers", "peft"} <= packages().keys()
