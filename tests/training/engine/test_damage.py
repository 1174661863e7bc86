"""A trainer makes damaged artifacts again to the same bytes, or names them and waits."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.factories.artifacts import flip
from tests.factories.runs import at_step, finish, full, interrupted, make_run
from training import Event, RunSpec, Store
from training.cli.execute import train
from training.cli.exits import FAILED
from training.engine.outputs.export import weights_of
from training.storage.artifacts import RUN_FILES
from training.storage.checksums import DamagedArtifact, digest


def sums(folder: Path) -> dict[str, str]:
    return {path.name: digest(path) for path in sorted(folder.iterdir()) if path.name in RUN_FILES}


def short(**changes: object) -> RunSpec:
    return full(limit=64).model_copy(update={"epochs": 1, **changes})


LORA = {"adaptation": "lora", "lora_rank": 4, "lora_alpha": 8}
DAMAGED: dict[str, tuple[Callable[[], RunSpec], str]] = {
    **{name: (make_run, name) for name in RUN_FILES},
    "weights of a probe": (lambda: make_run("ceiling"), RUN_FILES[2]),
    "additions of LoRA": (lambda: short(**LORA), RUN_FILES[2]),
    "a fully tuned model": (lambda: short(keep_weights=True), RUN_FILES[2]),
}


@pytest.mark.parametrize("kind", DAMAGED)
def test_a_run_with_a_damaged_file_is_trained_again_to_the_same_bytes(kind: str, store: Store) -> None:
    run, name = DAMAGED[kind][0](), DAMAGED[kind][1]
    finish(run, store)
    folder = store.run(run.key())
    before = sums(folder)
    flip(folder / name, 4321)
    damaged = digest(folder / name)
    finish(run, store)
    assert sums(folder) == before
    (aside,) = store.root.glob(f"quarantine/runs/*/*/{name}")
    assert digest(aside) == damaged, "what was damaged is kept"


def test_weights_that_are_damaged_are_not_loaded(store: Store) -> None:
    run = make_run()
    finish(run, store)
    flip(store.weights(run.key()), 4321)
    with pytest.raises(DamagedArtifact):
        weights_of(run, store)


@pytest.mark.parametrize("folder", ["features/*.npy", "tokens/*.bin", "tokens/*.npy"])
def test_features_and_tokens_that_are_damaged_are_made_again_to_the_same_bytes(folder: str, store: Store) -> None:
    store.features.unlink()  # those that other tests have made too
    run = make_run("ceiling") if folder.startswith("features") else short()
    finish(run, store)
    (path,) = store.root.glob(folder)
    before, predictions = digest(path), (store.run(run.key()) / "predictions.parquet").read_bytes()
    flip(path, 8 * path.stat().st_size - 9)
    store.quarantine(run.key())
    finish(run, store)
    assert digest(path) == before
    assert (store.run(run.key()) / "predictions.parquet").read_bytes() == predictions


def test_a_checkpoint_with_any_bit_flipped_is_not_gone_on_from(store: Store) -> None:
    whole, run = Store(store.root / "whole"), full(limit=64)
    finish(run, whole)
    interrupted(run, store, at_step(2))
    path = store.checkpoint(run.key())
    content = path.read_bytes()
    for bit in (0, 300, 8 * len(content) - 1):
        path.write_bytes(content)
        flip(path, bit)
        recording = interrupted(run, store, lambda event: event.kind == "started")
        assert [event.resumed_from for event in recording.events if event.kind == "started"] == [0]
    path.unlink(missing_ok=True)
    finish(run, store)
    assert sums(store.run(run.key())) == sums(whole.run(run.key()))


def test_best_weights_that_are_damaged_are_trained_again(store: Store) -> None:
    whole, run = Store(store.root / "whole"), full(limit=64, stop="validation")
    finish(run, whole)
    interrupted(run, store, at_step(2))
    for path in store.run(run.key()).glob("best-*.safetensors"):
        flip(path, 8 * path.stat().st_size // 2)
    finish(run, store)
    assert sums(store.run(run.key())) == sums(whole.run(run.key()))
    assert not list(store.run(run.key()).glob("best-*")), "nothing is left of them, not even a checksum"


def test_a_student_whose_supervisor_is_damaged_says_which_run_has_to_be_trained_again(store: Store) -> None:
    weak, student = make_run(), make_run("student")
    finish(weak, store)
    flip(store.run(weak.key()) / "predictions.parquet", 4321)
    events: list[Event] = []
    assert train([student], store, lambda _, event: events.append(event), lambda _: False) == FAILED
    last = events[-1]
    assert last.kind == "failed"
    assert (last.damaged, last.passes) == (weak.key(), True)
    assert str(store.root) not in last.error
