"""A trainer that is killed ten times, at moments that nobody chose, leaves what an undisturbed one leaves, bit for bit."""

import logging
import multiprocessing
import os
import random
import signal
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

from tests.factories.runs import finish, make_run
from tests.factories.written import writing_plan
from training import RunSpec, Store, catalog
from training.catalog.datasets import DatasetEntry
from training.engine.generation import writer

KILLS = 10
SEED = 2026
SAVE_EVERY = 3
"""Steps between two checkpoints, so that some training is lost with every kill."""

FEW_ROWS = {"cpu": 16, "cuda": 16}
"""Rows that are answered at once, so that some answers are lost with a kill."""

log = logging.getLogger(__name__)

BIG = {"epochs": 10, "batch_size": 16, "limit": 112, "keep_weights": True}

# Starting a process that has torch ready costs a fork; nothing has used a thread there yet.
context = multiprocessing.get_context("forkserver")
context.set_forkserver_preload(["training.engine.execute", "transformers.models.llama.modeling_llama", "datasets"])


def train(run: RunSpec, root: Path, data: DatasetEntry, connection: Connection) -> None:
    """The child: tells each event and goes on once it is heard, and saves a checkpoint at every third step."""
    from training import execute
    from training.engine import loop
    from training.engine.generation import writer
    from training.engine.heads.head_training import HeadTraining

    catalog.DATASETS[data.name] = data
    save, save_head = loop.Loop.save, HeadTraining.save

    def sometimes(self: loop.Loop) -> None:
        if self.step % SAVE_EVERY == 0:
            save(self)

    def sometimes_head(self: HeadTraining) -> None:
        if self.head.step % SAVE_EVERY == 0:
            save_head(self)

    loop.Loop.save, HeadTraining.save = sometimes, sometimes_head  # type: ignore[method-assign]
    writer.MOST_ROWS = FEW_ROWS
    loop.CHECKPOINT_SECONDS, loop.CHECKPOINT_PAUSE = -1.0, 0

    def tell(event: object) -> None:
        connection.send(event)
        connection.recv()

    execute(run, Store(root), tell, lambda: False)


def attempt(run: RunSpec, store: Store, kill_after: int | None) -> list[object]:
    """The events of one attempt in a process of its own, killed as soon as it has told ``kill_after`` of them."""
    ours, theirs = context.Pipe()
    child = context.Process(target=train, args=(run, store.root, catalog.DATASETS[run.dataset], theirs), daemon=True)
    child.start()
    theirs.close()
    events: list[object] = []
    try:
        while True:
            events.append(ours.recv())
            ours.send(None)
            if len(events) == kill_after:
                assert child.pid
                os.kill(child.pid, signal.SIGKILL)
                break
    except EOFError:
        pass
    finally:
        child.join(60)
        child.kill()
    assert child.exitcode == (0 if kill_after is None else -signal.SIGKILL)
    return events


def left(run: RunSpec, store: Store) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in store.run(run.key()).iterdir()}


RUNS: dict[str, Callable[[dict[str, Path]], RunSpec]] = {
    "bag of words": lambda models: make_run(epochs=25),
    "probe": lambda models: make_run("ceiling", epochs=12),
    "full": lambda models: tiny(models, "full"),
    "answers": lambda models: next(iter(writing_plan(models["writer"], models["writer"], epochs=9).runs.values())),
}


def tiny(models: dict[str, Path], adaptation: str) -> RunSpec:
    entry = catalog.model(str(models["llama"]))
    changes = {"model": entry.name, "digest": entry.digest, "adaptation": adaptation, "lr": 3e-3, "max_tokens": 24}
    return make_run("ceiling", **changes, **BIG)


@pytest.mark.parametrize("name", RUNS)
def test_ten_kills_change_not_a_bit(
    name: str,
    models: dict[str, Path],
    writers: dict[str, Path],
    store: Store,
    features: Path,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    caplog.set_level("INFO")
    monkeypatch.setattr(writer, "MOST_ROWS", FEW_ROWS)
    run = RUNS[name](models | {"writer": writers["weak"]})
    whole = finish(run, store).events
    expected = left(run, store)
    other = Store(tmp_path / "killed")
    other.root.mkdir()
    other.features.symlink_to(features)

    rng = random.Random(f"{SEED} {name}")
    moments = [rng.randint(1, len(whole) // KILLS) for _ in range(KILLS)]
    log.info("killed after so many events of each attempt: %s", moments)
    for moment in moments:
        attempt(run, other, moment)
        assert not other.finished(run.key())
        names = [path.name for path in other.run(run.key()).glob("[!.]*")]
        assert names.count("checkpoint.bin") <= 1
        assert sum(name.startswith("best-") for name in names) <= 2
    last = attempt(run, other, None)
    assert last[0].resumed_from > 0  # type: ignore[attr-defined]
    assert left(run, other) == expected
