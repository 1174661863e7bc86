"""The threads of a trainer: as many as its process may use, asleep while they wait, and the same numbers from any count."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.factories.runs import finish, full, make_run
from training import ExperimentSpec, Store, execute, make_plan
from training.engine.errors import EngineError
from training.threads import cgroup_folders

PROBABILITY = 1e-5
"""Largest difference of a probability between numbers of threads."""


@pytest.fixture
def half_a_core() -> Iterator[Path]:
    """The folder of a control group with a quota of half a core, beside this process's own group."""
    if (group := _half_a_core(f"w2s-test-{os.getpid()}")) is None:
        pytest.skip("A control group cannot be made here, which takes the rights of root and its own hierarchy to write to.")
    yield group
    group.rmdir()


def _half_a_core(name: str) -> Path | None:
    """Make the group where this process's groups are, by the files of its version of control groups (cgroups(7))."""
    for folder in cgroup_folders():
        group = folder / name
        try:
            group.mkdir()
        except OSError:
            continue
        files = {"cpu.max": "50000 100000", "cpu.cfs_quota_us": "50000"}
        try:
            written = [(group / file).write_text(text) for file, text in files.items() if (group / file).exists()]
        except OSError:
            written = []
        if written:
            return group
        group.rmdir()
    return None


def started_with(store: Path, prepare: Callable[[], object]) -> tuple[dict[str, Any], str]:
    """Return the first event of a trainer whose process did ``prepare`` at its beginning, and what OpenMP logged."""
    plan = make_plan(ExperimentSpec.model_validate({"strong": {"models": ["minilm-l1"], "tuning": "full"}, "seeds": 1}))
    variables = {name: value for name, value in os.environ.items() if name not in ("W2S_THREADS", "OMP_NUM_THREADS")}
    trainer = subprocess.Popen(
        [sys.executable, "-m", "training", "execute", "--store", str(store)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=variables | {"OMP_DISPLAY_ENV": "VERBOSE"},
        preexec_fn=prepare,
    )
    with trainer:
        assert trainer.stdin
        assert trainer.stdout
        assert trainer.stderr
        trainer.stdin.write(plan.runs[plan.triplets[0].ceiling].model_dump_json())
        trainer.stdin.close()
        started = json.loads(trainer.stdout.readline())["event"]
        trainer.kill()
        return started, trainer.stderr.read()


def test_a_trainer_on_one_core_has_one_thread_and_waits_passively(tmp_path: Path) -> None:
    started, log = started_with(tmp_path, lambda: os.sched_setaffinity(0, {min(os.sched_getaffinity(0))}))
    assert (started["threads"], started["device"]) == (1, "cpu, 1 thread")
    assert "OMP_WAIT_POLICY = 'PASSIVE'" in log, "OpenMP read it when torch was loaded"
    assert "GOMP_SPINCOUNT = '1000'" in log


def test_a_trainer_in_a_control_group_of_half_a_core_has_one_thread(half_a_core: Path, tmp_path: Path) -> None:
    procs = half_a_core / "cgroup.procs"
    started, _ = started_with(tmp_path, lambda: procs.write_text("0"))  # 0 is the process that writes
    assert (started["threads"], started["device"]) == (1, "cpu, 1 thread")


def test_one_thread_and_three_give_the_same_predictions(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run, other, counts = full(limit=64), Store(tmp_path / "other"), set[int]()
    finish(run, store)
    monkeypatch.setenv("W2S_THREADS", "3")
    execute(run, other, lambda event: counts.add(torch.get_num_threads()) if event.kind == "metric" else None, lambda: False)
    assert counts == {3}
    expected, actual = store.read_predictions(run.key()), other.read_predictions(run.key())
    np.testing.assert_allclose(actual.prob, expected.prob, atol=PROBABILITY, rtol=0)
    before, after = store.read_trajectory(run.key()), other.read_trajectory(run.key())
    assert (after.selected, after.steps.tolist()) == (before.selected, before.steps.tolist())


def test_a_head_is_trained_on_one_thread_whatever_is_allowed(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("W2S_THREADS", "3")
    assert finish(make_run(), store).of("started")[0].device == "cpu, 1 thread"


def test_a_worker_with_an_unusable_number_of_threads_fails_the_run_with_a_sentence(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("W2S_THREADS", "none")
    with pytest.raises(EngineError, match="This worker’s W2S_THREADS must be a whole number from 1, and it is “none”"):
        finish(full(limit=64), store)
