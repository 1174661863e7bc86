"""One run in several processes gives what one process gives, within the last digits of its sums, and they end together.

Stated for all of them: losses within 1e-4 nats, probabilities within 1e-3, the same step selected.
"""

import json
import multiprocessing
import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.training.conftest import finish, make_run
from training import Event, ExperimentSpec, RunSpec, Store, catalog, make_plan
from training.catalog.datasets import DatasetEntry
from training.engine import train as training
from training.engine.errors import EngineError
from training.spec import Confidence

LOSS, PROBABILITY = 1e-4, 1e-3

# Starting a process that has torch ready costs a fork; nothing has used a thread there yet.
context = multiprocessing.get_context("forkserver")
context.set_forkserver_preload(["training.engine.execute", "transformers.models.llama.modeling_llama", "datasets"])


def watcher(
    run: RunSpec, root: Path, data: DatasetEntry, told: Connection, change: Callable[[], None], worker: dict[str, str]
) -> None:
    """The process that starts and watches the others. It tells each event, and stops once it is asked to."""
    os.environ |= worker
    os.setpgid(0, 0)
    training.TRANSFORMER_THREADS = 1  # type: ignore[attr-defined]
    catalog.DATASETS[data.name] = data
    change()
    from training import execute

    stop = False

    def tell(event: Event) -> None:
        nonlocal stop
        told.send(event)
        stop = stop or told.recv()

    try:
        execute(run, Store(root), tell, lambda: stop)
    except Exception as error:
        told.send(error)


def nothing() -> None: ...


@dataclass
class Attempt:
    events: list[Any] = field(default_factory=list)
    error: Exception | None = None

    def of(self, kind: str) -> list[Any]:
        return [event for event in self.events if event.kind == kind]


GONE_SECONDS = 10.0


def attempt(
    run: RunSpec,
    store: Store,
    on: Callable[[Event, int], bool] = lambda event, group: False,
    change: Callable[[], None] = nothing,
    processes: int = 2,
    sharded: bool = False,
) -> Attempt:
    """What ``processes`` told of ``run``, until it ended or ``on`` an event, with the process group that they are in, is true."""
    ours, theirs = context.Pipe()
    worker = {"W2S_PROCESSES": str(processes), "W2S_SHARDED": str(int(sharded))}
    task = (run, store.root, catalog.DATASETS["clear-reviews"], theirs, change, worker)
    child = context.Process(target=watcher, args=task)
    child.start()
    theirs.close()
    found = Attempt()
    try:
        while True:
            said = ours.recv()
            if isinstance(said, Exception):
                found.error = said
                continue
            found.events.append(said)
            assert child.pid
            ours.send(on(said, child.pid))
    except (EOFError, ConnectionResetError):
        pass
    child.join(60)
    assert child.pid
    deadline = time.monotonic() + GONE_SECONDS
    while group(child.pid) and time.monotonic() < deadline:
        time.sleep(0.02)  # the kernel is still ending those whose watcher was killed
    assert group(child.pid) == []
    return found


def group(number: int) -> list[int]:
    """The processes of a group, the one that it is named after first."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            state, _, belongs = (entry / "stat").read_text().rpartition(")")[2].split()[:3]
        except OSError:
            continue
        if int(belongs) == number and state != "Z":
            found.append(int(entry.name))
    return sorted(found)


def tiny(models: dict[str, Path], architecture: str, role: str = "ceiling", **changes: Any) -> RunSpec:
    entry = catalog.model(str(models[architecture]))
    settings = {"adaptation": "full", "lr": 3e-3, "max_tokens": 24, "epochs": 3, "batch_size": 15, "limit": 64}
    return make_run(role, model=entry.name, digest=entry.digest, **settings | changes)


LORA: dict[str, Any] = {"adaptation": "lora", "lora_rank": 4, "lora_alpha": 8, "lr": 1e-2}
RUNS: dict[str, Callable[[dict[str, Path]], RunSpec]] = {
    "decoder": lambda models: tiny(models, "llama", keep_weights=True, weight_decay=0.1),
    "encoder, confidence": lambda models: tiny(models, "bert", "student", method=Confidence(ramp=0.0)),
    "decoder, LoRA": lambda models: tiny(models, "llama", **LORA),
}


Expected = Callable[[str], tuple[RunSpec, Store, Attempt]]


def empty(alone: Store, folder: Path) -> Store:
    """A store with nothing but the supervisor."""
    store, supervisor = Store(folder), make_run().key()
    store.root.mkdir()
    store.write_predictions(supervisor, alone.read_predictions(supervisor))
    return store


def assert_alike(run: RunSpec, one: Store, other: Store) -> None:
    expected, found = one.read_predictions(run.key()), other.read_predictions(run.key())
    np.testing.assert_array_equal(found.id, expected.id)
    np.testing.assert_allclose(found.prob, expected.prob, atol=PROBABILITY)
    before, after = one.read_trajectory(run.key()), other.read_trajectory(run.key())
    assert (after.selected, after.steps.tolist()) == (before.selected, before.steps.tolist())
    np.testing.assert_allclose(after.prob, before.prob, atol=PROBABILITY)


@pytest.mark.parametrize("name", RUNS)
def test_two_processes_train_what_one_trains(name: str, expected: Expected, tmp_path: Path) -> None:
    run, alone, whole = expected(name)
    store = empty(alone, tmp_path / "two")
    found = attempt(run, store)
    assert found.error is None
    assert found.of("started")[0].device == "2 x cpu"
    assert [event.kind for event in found.events] == [event.kind for event in whole.events]
    np.testing.assert_allclose(
        [event.loss for event in found.of("metric")], [event.loss for event in whole.of("metric")], atol=LOSS
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


def rows_of(run: RunSpec) -> int:
    """How many rows ``run`` learns from."""
    from training.engine.data.examples import load_examples
    from training.engine.data.split import split_for

    return len(split_for(run, load_examples(run.dataset, run.fingerprint).group).half(run.half).train)


def after_step(step: int) -> Callable[[Event, int], bool]:
    return lambda event, group: event.kind == "metric" and event.step >= step


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
    assert finish(make_run(), store).of("started")[0].device == "cpu"


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
    told = subprocess.run(command, input=run, env=worker, capture_output=True, text=True, timeout=200)
    assert told.returncode == 0, told.stderr
    events = [json.loads(line) for line in told.stdout.splitlines()]
    assert events[0]["device"] == "2 x cpu"
    assert events[-1]["kind"] == "finished"
