"""One run in several processes gives what one process gives, within the last digits of its sums, and they end together.

Stated for all of them: losses within 1e-4 nats, probabilities within 1e-3, the same step selected.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.factories.process_groups import LOSS, RUNS, Expected, after_step, assert_alike, attempt, empty, rows_of, tiny
from tests.factories.runs import finish, make_run
from training import ExperimentSpec, Store, make_plan
from training.engine.errors import EngineError
from training.spec import Confidence


@pytest.mark.parametrize("name", RUNS)
def test_two_processes_train_what_one_trains(name: str, expected: Expected, tmp_path: Path) -> None:
    run, alone, whole = expected(name)
    store = empty(alone, tmp_path / "two")
    outcome = attempt(run, store)
    assert outcome.error is None
    assert outcome.of("started")[0].device == "2 x cpu, 1 thread"
    assert [event.kind for event in outcome.events] == [event.kind for event in whole.events]
    np.testing.assert_allclose(
        [event.loss for event in outcome.of("metric")], [event.loss for event in whole.of("metric")], atol=LOSS
    )
    assert_alike(run, alone, store)
    files = {path.name for path in store.run(run.key()).iterdir()}
    assert files == {path.name for path in alone.run(run.key()).iterdir()}


def test_a_process_without_a_row_of_a_small_last_batch_takes_part(models: dict[str, Path], tmp_path: Path) -> None:
    run = tiny(models, "llama", epochs=2, batch_size=5, method=Confidence(ramp=0.0))
    alone, store = Store(tmp_path / "alone"), Store(tmp_path / "three")
    rows = rows_of(run)
    run = run.model_copy(update={"batch_size": next(size for size in range(5, rows) if rows % size == 2)})
    finish(run, alone)
    assert attempt(run, store, processes=3).error is None
    assert_alike(run, alone, store)


@pytest.mark.parametrize(("first", "second"), [(2, 1), (1, 2), (2, 3)])
def test_a_stop_leaves_one_checkpoint_from_which_any_number_of_processes_goes_on(
    first: int, second: int, expected: Expected, tmp_path: Path
) -> None:
    run, alone, whole = expected("decoder")
    store = empty(alone, tmp_path / "parts")
    stopped = attempt(run, store, after_step(4), processes=first)
    assert [event.kind for event in stopped.events[-2:]] == ["checkpoint", "stopped"]
    step = stopped.events[-1].step
    assert 4 <= step < whole.of("started")[0].total_steps
    assert [path.name for path in store.run(run.key()).glob("[!b]*")] == ["checkpoint.bin"]
    resumed = attempt(run, store, processes=second)
    assert resumed.of("started")[0].resumed_from == step
    losses = [event.loss for event in stopped.of("metric") + resumed.of("metric")]
    np.testing.assert_allclose(losses, [event.loss for event in whole.of("metric")], atol=LOSS)
    assert_alike(run, alone, store)


def test_heads_and_bags_of_words_are_trained_by_one_process(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("W2S_PROCESSES", "2")
    assert finish(make_run(), store).of("started")[0].device == "cpu, 1 thread"


@pytest.mark.parametrize(
    ("processes", "sharded", "problem"),
    [
        ("two", "0", "W2S_PROCESSES must be a whole number from 1, and it is “two”"),
        ("0", "0", "W2S_PROCESSES must be a whole number from 1, and it is “0”"),
        ("2", "maybe", "W2S_SHARDED must be 1 or 0, and it is “maybe”"),
        ("1", "1", "W2S_SHARDED needs W2S_PROCESSES of two or more"),
    ],
)
def test_a_worker_that_is_set_up_wrongly_says_so(
    processes: str, sharded: str, problem: str, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("W2S_PROCESSES", processes)
    monkeypatch.setenv("W2S_SHARDED", sharded)
    with pytest.raises(EngineError, match=problem):
        finish(make_run(), store)


def test_the_command_line_trains_with_two_processes_too(models: dict[str, Path], tmp_path: Path) -> None:
    """It cannot fork, because libraries have started threads: the processes are spawned."""
    data = {"limit": 64, "test_fraction": 0.05, "locked_fraction": 0}
    strong = {"models": [str(models["llama"])], "tuning": "full", "epochs": 1, "max_tokens": 8}
    weak = {"models": ["bag-of-words"]}
    plan = make_plan(ExperimentSpec.model_validate({"data": data, "weak": weak, "strong": strong, "seeds": 1}))
    run = plan.runs[plan.triplets[0].ceiling].model_dump_json()
    command = [sys.executable, "-m", "training", "execute", "--store", str(tmp_path)]
    worker = os.environ | {"W2S_PROCESSES": "2"}
    completed = subprocess.run(command, input=run, env=worker, capture_output=True, text=True, timeout=200)
    assert completed.returncode == 0, completed.stderr
    events = [json.loads(line)["event"] for line in completed.stdout.splitlines()]
    assert events[0]["device"] == "2 x cpu, 1 thread"
    assert events[-1]["kind"] == "finished"
