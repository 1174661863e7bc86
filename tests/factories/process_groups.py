"""Runs in several processes, each attempt watched by a process of its own."""

import multiprocessing
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np

from tests.factories.runs import make_run
from training import Event, RunSpec, Store, catalog
from training.catalog.datasets import DatasetEntry
from training.spec import Confidence

LOSS, PROBABILITY = 1e-4, 1e-3


# Starting a process that has torch ready costs a fork; nothing has used a thread there yet.
context = multiprocessing.get_context("forkserver")
context.set_forkserver_preload(["training.engine.execute", "transformers.models.llama.modeling_llama", "datasets"])


def watcher(
    run: RunSpec, root: Path, data: DatasetEntry, connection: Connection, change: Callable[[], None], worker: dict[str, str]
) -> None:
    """Start and watch the other processes. Each event is sent, and the answer says whether to stop."""
    os.environ |= worker
    os.setpgid(0, 0)
    catalog.DATASETS[data.name] = data
    change()
    from training import execute

    stop = False

    def tell(event: Event) -> None:
        nonlocal stop
        connection.send(event)
        stop = stop or connection.recv()

    try:
        execute(run, Store(root), tell, lambda: stop)
    except Exception as error:
        connection.send(error)


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
    """Return the events of ``run`` in ``processes``, to its end or until ``on`` is true of an event and the process group."""
    ours, theirs = context.Pipe()
    worker = {"W2S_PROCESSES": str(processes), "W2S_SHARDED": str(int(sharded)), "W2S_THREADS": "1"}
    task = (run, store.root, catalog.DATASETS[run.dataset], theirs, change, worker)
    child = context.Process(target=watcher, args=task)
    child.start()
    theirs.close()
    result = Attempt()
    try:
        while True:
            said = ours.recv()
            if isinstance(said, Exception):
                result.error = said
                continue
            result.events.append(said)
            assert child.pid
            ours.send(on(said, child.pid))
    except (EOFError, ConnectionError):
        pass
    child.join(60)
    assert child.pid
    deadline = time.monotonic() + GONE_SECONDS
    while group(child.pid) and time.monotonic() < deadline:
        time.sleep(0.02)  # the kernel is still ending those whose watcher was killed
    assert group(child.pid) == []
    return result


def group(number: int) -> list[int]:
    """The processes of a group, the one that it is named after first."""
    members = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            state, _, belongs = (entry / "stat").read_text().rpartition(")")[2].split()[:3]
        except OSError:
            continue
        if int(belongs) == number and state != "Z":
            members.append(int(entry.name))
    return sorted(members)


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


def assert_alike(run: RunSpec, expected_store: Store, other: Store) -> None:
    expected, actual = expected_store.read_predictions(run.key()), other.read_predictions(run.key())
    np.testing.assert_array_equal(actual.id, expected.id)
    np.testing.assert_allclose(actual.prob, expected.prob, atol=PROBABILITY)
    before, after = expected_store.read_trajectory(run.key()), other.read_trajectory(run.key())
    assert (after.selected, after.steps.tolist()) == (before.selected, before.steps.tolist())
    np.testing.assert_allclose(after.prob, before.prob, atol=PROBABILITY)


def rows_of(run: RunSpec) -> int:
    """Return the number of rows that ``run`` trains on."""
    from training.engine.data.examples import load_examples
    from training.engine.data.split import split_for

    return len(split_for(run, load_examples(run.dataset, run.fingerprint).group).half(run.half).train)


def after_step(step: int) -> Callable[[Event, int], bool]:
    return lambda event, group: event.kind == "metric" and event.step >= step
