"""The threads of a trainer: as many as its process may use, asleep while they wait, and the same numbers from any count."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.factories.runs import finish, full, make_run
from training import ExperimentSpec, Store, execute, make_plan
from training.engine.errors import EngineError

PROBABILITY = 1e-5
"""Largest difference of a probability between numbers of threads."""


def test_a_trainer_on_one_core_has_one_thread_and_waits_passively(tmp_path: Path) -> None:
    plan = make_plan(ExperimentSpec.model_validate({"strong": {"models": ["minilm-l1"], "tuning": "full"}, "seeds": 1}))
    variables = {name: value for name, value in os.environ.items() if name not in ("W2S_THREADS", "OMP_NUM_THREADS")}
    trainer = subprocess.Popen(
        [sys.executable, "-m", "training", "execute", "--store", str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=variables | {"OMP_DISPLAY_ENV": "VERBOSE"},
        preexec_fn=lambda: os.sched_setaffinity(0, {min(os.sched_getaffinity(0))}),
    )
    with trainer:
        assert trainer.stdin
        assert trainer.stdout
        assert trainer.stderr
        trainer.stdin.write(plan.runs[plan.triplets[0].ceiling].model_dump_json())
        trainer.stdin.close()
        started = json.loads(trainer.stdout.readline())["event"]
        trainer.kill()
        log = trainer.stderr.read()
    assert (started["threads"], started["device"]) == (1, "cpu, 1 thread")
    assert "OMP_WAIT_POLICY = 'PASSIVE'" in log, "OpenMP read it when torch was loaded"
    assert "GOMP_SPINCOUNT = '1000'" in log


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
