"""Every artifact of a store is compared with its checksum when it is read: no change of it passes for what was written."""

import json
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.factories.artifacts import flip, predictions, trajectory
from training import ExperimentSpec, make_plan
from training.catalog import library
from training.storage import checksums
from training.storage.artifacts import Store
from training.storage.checksums import DamagedArtifact, digest, sidecar

RUN, OTHER = list(make_plan(ExperimentSpec(name="A test", seeds=1)).runs.values())[:2]
KEY = RUN.key()

READS: dict[str, Callable[[Store], object]] = {
    "predictions.parquet": lambda store: store.read_predictions(KEY),
    "trajectory.parquet": lambda store: store.read_trajectory(KEY),
    "run.json": lambda store: store.read_run(KEY),
}


@pytest.fixture
def store(tmp_path: Path) -> Store:
    store = Store(tmp_path)
    store.write_trajectory(KEY, trajectory())
    store.write_run(RUN)
    store.write_predictions(KEY, predictions())
    return store


@pytest.mark.parametrize("name", READS)
def test_every_flipped_bit_of_a_file_is_detected_when_it_is_read(store: Store, name: str) -> None:
    path = store.run(KEY) / name
    bits = np.random.default_rng(7).permutation(path.stat().st_size * 8)[:400]
    READS[name](store)
    for bit in bits.tolist():
        flip(path, bit)
        with pytest.raises(DamagedArtifact, match="is damaged") as refused:
            READS[name](store)
        assert str(store.root) not in str(refused.value), "no path of the server is said"
        flip(path, bit)
    READS[name](store)


@pytest.mark.parametrize("name", READS)
def test_every_flipped_bit_of_a_checksum_is_detected(store: Store, name: str) -> None:
    path = sidecar(store.run(KEY) / name)
    for bit in range(path.stat().st_size * 8):
        flip(path, bit)
        with pytest.raises(DamagedArtifact):
            READS[name](store)
        flip(path, bit)


@pytest.mark.parametrize("name", READS)
@pytest.mark.parametrize("share", [0, 0.5, 0.99])
def test_a_truncated_file_and_one_without_a_checksum_are_detected(store: Store, name: str, share: float) -> None:
    path = store.run(KEY) / name
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    with pytest.raises(DamagedArtifact):
        READS[name](store)
    path.write_bytes(content)
    sidecar(path).unlink()
    with pytest.raises(DamagedArtifact, match="lost its checksum"):
        READS[name](store)


@given(cut=st.binary(max_size=200))
def test_whatever_stands_in_place_of_a_checksum_is_refused_or_is_it(tmp_path_factory: pytest.TempPathFactory, cut: bytes) -> None:
    store = Store(tmp_path_factory.mktemp("store"))
    store.write_predictions(KEY, predictions())
    path = store.run(KEY) / "predictions.parquet"
    right = sidecar(path).read_bytes()
    sidecar(path).write_bytes(cut)
    if cut != right:
        with pytest.raises(DamagedArtifact):
            store.read_predictions(KEY)


def test_a_single_example_is_read_from_a_file_that_was_compared(store: Store) -> None:
    path = store.run(KEY) / "predictions.parquet"
    assert store.read_example(KEY, 3) is not None
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    with pytest.raises(DamagedArtifact):
        store.read_example(KEY, 3)
    with pytest.raises(DamagedArtifact):
        store.read_example(KEY, 9)


def test_a_file_is_hashed_once_until_it_changes(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    hashed: list[str] = []

    def counted(path: Path) -> str:
        hashed.append(path.name)
        return digest(path)

    monkeypatch.setattr(checksums, "digest", counted)
    for _ in range(3):
        store.read_example(KEY, 3)
    assert hashed == ["predictions.parquet"]
    store.write_predictions(KEY, predictions())
    hashed.clear()
    for _ in range(3):
        store.read_example(KEY, 3)
    assert hashed == ["predictions.parquet"]


def test_damage_names_what_is_wrong_with_a_run_also_where_its_time_did_not_change(store: Store) -> None:
    assert store.damage(KEY) is None
    flip(store.run(KEY) / "trajectory.parquet", 1000)
    actual = store.damage(KEY, again=True)
    assert actual is not None
    assert (actual.key, actual.name) == (KEY, "trajectory.parquet")
    assert str(actual) == f"trajectory.parquet of run {KEY[:12]} is damaged: its content is not what was written."
    flip(store.run(KEY) / "trajectory.parquet", 1000)
    (store.run(KEY) / "trajectory.parquet").unlink()
    assert str(store.damage(KEY)) == f"trajectory.parquet of run {KEY[:12]} is missing."
    (store.run(KEY) / "predictions.parquet").unlink()
    assert str(store.damage(KEY)) == f"predictions.parquet of run {KEY[:12]} is missing."


def test_what_is_moved_aside_is_kept_and_the_run_has_not_finished(store: Store) -> None:
    before = (store.run(KEY) / "predictions.parquet").read_bytes()
    store.quarantine(KEY)
    assert not store.finished(KEY)
    (moved,) = store.root.glob("quarantine/runs/*/*/predictions.parquet")
    assert moved.read_bytes() == before
    assert not list(store.run(KEY).iterdir())


def test_a_run_description_of_another_run_is_refused(store: Store) -> None:
    with store.writing(store.run(KEY) / "run.json") as path:
        path.write_text(OTHER.model_dump_json())
    with pytest.raises(DamagedArtifact):
        store.read_run(KEY)


def older(store: Store) -> None:
    """Makes the store one of a version that wrote no checksums."""
    for path in [*store.root.rglob("*.sha256"), store.root / checksums.COMPLETE]:
        path.unlink()


def test_a_store_of_an_older_version_is_read_as_it_was_and_has_checksums_once_it_is_adopted(store: Store) -> None:
    older(store)
    path = store.run(KEY) / "predictions.parquet"
    assert len(store.read_predictions(KEY).id) == 3
    assert not sidecar(path).exists(), "reading writes nothing"
    assert store.checksums.adopt() == 3
    assert store.checksums.adopt() == 0
    flip(path, 99)
    with pytest.raises(DamagedArtifact):
        store.read_predictions(KEY)


def test_a_file_of_an_older_version_that_cannot_be_parsed_is_damaged(store: Store) -> None:
    older(store)
    (store.run(KEY) / "predictions.parquet").write_bytes(b"not a parquet file")
    with pytest.raises(DamagedArtifact, match="cannot be read"):
        store.read_predictions(KEY)


def test_a_new_store_never_takes_a_file_without_a_checksum(tmp_path: Path) -> None:
    store = Store(tmp_path)
    (store.run(KEY)).mkdir(parents=True)  # as the log of events does before the first artifact
    store.write_predictions(KEY, predictions())
    sidecar(store.run(KEY) / "predictions.parquet").unlink()
    with pytest.raises(DamagedArtifact):
        store.read_predictions(KEY)


def test_a_permission_that_is_missing_is_no_damage(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    def denied(path: Path) -> bytes:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "read_bytes", denied)
    with pytest.raises(PermissionError):
        store.read_predictions(KEY)


def test_the_checksum_is_one_that_sha256sum_reads(store: Store) -> None:
    path = store.run(KEY) / "predictions.parquet"
    assert sidecar(path).read_text() == f"{digest(path)}  predictions.parquet\n"


def test_a_data_set_that_was_damaged_is_replaced_by_importing_it_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATASETS_DIR", str(tmp_path / "datasets"))
    content = b"the rows of a data set"
    brought = tmp_path / "examples.parquet"
    brought.write_bytes(content)
    texts = {"name": "a", "title": "A", "source": "", "licence": "", "citation": ""}
    about: dict[str, Any] = {**texts, "rows": 1, "fingerprint": digest(brought)}
    card = library.Card.model_construct(**about, classes=("no", "yes"), group="", mapping=None)
    monkeypatch.setattr(library.Card, "model_dump_json", lambda _, **__: json.dumps(about))
    library.put(card, brought)
    target = library.file_of(card.fingerprint)
    flip(target, 5)
    brought.write_bytes(content)
    library.put(card, brought)
    assert target.read_bytes() == content
    assert len(list((tmp_path / "datasets").glob("quarantine/*/*.parquet"))) == 1


def test_threads_that_need_the_same_file_at_once_compare_it_once(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    path, compared, together = store.run(KEY) / "predictions.parquet", list[Path](), threading.Barrier(4)

    def counted(path: Path) -> str:
        compared.append(path)
        return digest(path)

    def verify() -> None:
        together.wait(30)
        store.checksums.verify(path)

    monkeypatch.setattr(checksums, "digest", counted)
    with ThreadPoolExecutor(4) as threads:
        for done in [threads.submit(verify) for _ in range(4)]:
            done.result()
    assert compared == [path]
