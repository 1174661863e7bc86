"""Devices of a worker are known without torch."""

import os
import stat
from pathlib import Path

import pytest

from webapp.jobs.devices import devices, packages, shares, visible

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


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A driver's program that lists one GPU, where no variable chooses among them."""
    program = tmp_path / "nvidia-smi"
    program.write_text("#!/bin/sh\necho '0, GPU-aaa, NVIDIA L4, 23034, 512, 8'\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    for name in ("CUDA_VISIBLE_DEVICES", "W2S_PROCESSES"):
        monkeypatch.delenv(name, raising=False)
    return program


def test_gpus_are_listed_by_the_driver_s_own_program(program: Path) -> None:
    assert devices() == [{"name": "NVIDIA L4", "memory": 23034 * 2**20, "used": 512 * 2**20, "busy": 0.08}]
    program.write_text("#!/bin/sh\nexit 9\n")  # a driver that is not loaded
    (machine,) = devices()
    assert "core" in machine["name"]
    assert machine["memory"] > machine["used"] > 0  # type: ignore[operator]


@pytest.mark.parametrize(
    ("gpus", "workers", "variables", "expected"),
    [
        (2, 2, {}, ["GPU-0", "GPU-1"]),
        (2, 5, {}, ["GPU-0", "GPU-1", "GPU-0", "GPU-1", "GPU-0"]),
        (4, 1, {}, ["GPU-0"]),
        (5, 3, {"W2S_PROCESSES": "2"}, ["GPU-0,GPU-1", "GPU-2,GPU-3", "GPU-0,GPU-1"]),
        (2, 1, {"W2S_PROCESSES": "4"}, ["GPU-0,GPU-1"]),  # too few: its runs say so
        (2, 1, {"W2S_PROCESSES": "two"}, ["GPU-0"]),
        (4, 2, {"CUDA_VISIBLE_DEVICES": "3, 1"}, ["3", "1"]),
    ],
)
def test_workers_of_one_machine_take_turns_at_its_gpus(
    program: Path, monkeypatch: pytest.MonkeyPatch, gpus: int, workers: int, variables: dict[str, str], expected: list[str]
) -> None:
    rows = "\n".join(f"{number}, GPU-{number}, NVIDIA L4, 23034, 512, 8" for number in range(gpus))
    program.write_text(f"#!/bin/sh\necho '{rows}'\n")
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert shares(workers) == [{"CUDA_VISIBLE_DEVICES": names} for names in expected]


def test_without_gpus_or_with_none_that_may_be_used_workers_share_the_processor(
    program: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert shares(2) == [{}, {}]
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES")
    program.write_text("#!/bin/sh\nexit 9\n")
    assert shares(2) == [{}, {}]


def test_it_knows_the_versions_of_what_trainings_need() -> None:
    assert {"torch", "transformers", "peft"} <= packages().keys()
