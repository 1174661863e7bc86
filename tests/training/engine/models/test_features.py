import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from filelock import FileLock

from tests.factories.runs import Recording, make_run
from tests.training.conftest import ROWS
from training import Store
from training.engine.data.examples import Examples, load_examples
from training.engine.errors import Stopped
from training.engine.models import features as module
from training.engine.models.feature_files import reserve
from training.engine.models.features import features_path, frozen_features


@pytest.fixture
def examples() -> Examples:
    run = make_run("ceiling")
    return load_examples(run.dataset, run.fingerprint)


def compute(examples: Examples, store: Store, should_stop: Callable[[], bool] = lambda: False) -> tuple[np.ndarray, Recording]:
    recording = Recording()
    return frozen_features(make_run("ceiling"), examples.text, "a", store, recording.emit, should_stop), recording


def test_features_are_computed_once_and_then_mapped_from_disk(examples: Examples, tmp_path: Path) -> None:
    first, computing = compute(examples, Store(tmp_path))
    second, reading = compute(examples, Store(tmp_path))
    assert computing.of("progress")[-1].done == ROWS
    assert reading.events == []
    assert isinstance(second, np.memmap)
    np.testing.assert_array_equal(first, second)


def test_features_of_a_text_do_not_depend_on_its_neighbours(examples: Examples, store: Store) -> None:
    together, _ = compute(examples, store)
    few = Examples(examples.id[:3], examples.label[:3], examples.group[:3], examples.text.slice(0, 3))
    alone, _ = compute(few, Store(store.root / "other"))
    np.testing.assert_allclose(alone, together[:3], atol=1e-5)


@pytest.mark.parametrize("damage", [b"", b"nonsense", None], ids=["empty", "nonsense", "cut short"])
def test_damaged_features_are_computed_again(examples: Examples, tmp_path: Path, damage: bytes | None) -> None:
    store = Store(tmp_path)
    good = np.array(compute(examples, store)[0])
    path = features_path(make_run("ceiling"), store)
    path.write_bytes(path.read_bytes()[:-100] if damage is None else damage)
    again, recording = compute(examples, store)
    np.testing.assert_array_equal(again, good)
    assert recording.of("progress")


def test_a_stop_is_heard_between_two_batches_and_leaves_no_half_file(examples: Examples, tmp_path: Path) -> None:
    store, recording = Store(tmp_path), Recording(stop_after=lambda event: event.kind == "progress")
    with pytest.raises(Stopped):
        frozen_features(make_run("ceiling"), examples.text, "a", store, recording.emit, lambda: recording.stop)
    assert len(recording.of("progress")) == 1
    assert [path.suffix for path in store.features.iterdir()] == [".lock"]


def test_who_waits_for_another_process_still_hears_a_stop(examples: Examples, tmp_path: Path) -> None:
    store = Store(tmp_path)
    path = features_path(make_run("ceiling"), store)
    path.parent.mkdir(parents=True, exist_ok=True)
    answers = iter([False, False, True])
    with FileLock(path.with_suffix(".lock")), pytest.raises(Stopped):
        compute(examples, store, lambda: next(answers))


def test_of_two_that_need_the_same_features_one_computes(
    examples: Examples, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    computed: list[Path] = []

    def fake(cuts: object, text: pa.ChunkedArray, side: str, store: Store, paths: list[Path], *rest: object) -> None:
        computed.extend(paths)
        with paths[0].open("wb") as file:
            np.save(file, np.zeros((len(text), 384), np.float32))

    monkeypatch.setattr(module, "_compute", fake)
    workers = [threading.Thread(target=compute, args=(examples, Store(tmp_path))) for _ in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert len(computed) == 1


def test_reserving_takes_the_space_of_a_file_that_is_still_empty(tmp_path: Path) -> None:
    """Or a full disk would be noticed only by the signal that kills a process which writes into a mapped file."""
    sparse = tmp_path / "sparse"
    with sparse.open("wb") as file:
        file.truncate(1_000_000)
    reserve(sparse)
    assert sparse.stat().st_blocks * 512 >= 1_000_000


def test_what_a_killed_process_left_half_written_is_cleared_away(examples: Examples, tmp_path: Path) -> None:
    store = Store(tmp_path)
    path = features_path(make_run("ceiling"), store)
    path.parent.mkdir(parents=True)
    abandoned = path.parent / f".{path.name}.abandoned"
    abandoned.write_bytes(b"half")
    compute(examples, store)
    assert not abandoned.exists()


def test_one_pass_computes_the_features_of_a_model_cut_at_several_depths(examples: Examples, tmp_path: Path) -> None:
    run, depths = make_run("ceiling").model_copy(update={"model": "minilm-l2"}), ["minilm-l1", "minilm-l3"]
    shared, recording = Store(tmp_path / "shared"), Recording()
    frozen_features(run, examples.text, "a", shared, recording.emit, lambda: False, depths)
    assert [event.done for event in recording.of("progress")][-1] == ROWS
    for name in ["minilm-l2", *depths]:
        cut, alone, nothing = run.model_copy(update={"model": name}), Store(tmp_path / name), Recording()
        expected = frozen_features(cut, examples.text, "a", alone, nothing.emit, lambda: False)
        reading = Recording()
        stored = frozen_features(cut, examples.text, "a", shared, reading.emit, lambda: False)
        assert reading.events == [], f"the features of {name} were there"
        np.testing.assert_array_equal(stored, expected)


def test_features_that_another_process_computes_are_left_to_it(examples: Examples, tmp_path: Path) -> None:
    store = Store(tmp_path)
    run = make_run("ceiling").model_copy(update={"model": "minilm-l2"})
    deeper = features_path(run.model_copy(update={"model": "minilm-l3"}), store)
    deeper.parent.mkdir(parents=True)
    with FileLock(deeper.with_suffix(".lock")):
        frozen_features(run, examples.text, "a", store, Recording().emit, lambda: False, ["minilm-l3"])
    assert features_path(run, store).exists()
    assert not deeper.exists()


def test_a_stop_leaves_no_half_file_of_any_depth_and_holds_no_lock(examples: Examples, tmp_path: Path) -> None:
    store = Store(tmp_path)
    run = make_run("ceiling").model_copy(update={"model": "minilm-l2"})
    recording = Recording(stop_after=lambda event: event.kind == "progress")
    with pytest.raises(Stopped):
        frozen_features(run, examples.text, "a", store, recording.emit, lambda: recording.stop, ["minilm-l3"])
    assert [path.name for path in store.features.iterdir() if path.suffix != ".lock"] == []
    frozen_features(run, examples.text, "a", store, Recording().emit, lambda: False, ["minilm-l3"])
    assert len(list(store.features.glob("*.npy"))) == 2
