"""A store that two machines share, each with copies in a folder of its own."""

import os
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest

from tests.factories.artifacts import flip, predictions, trajectory
from tests.factories.object_storage import ObjectStorage
from training import ExperimentSpec, make_plan
from training.storage import checksums, shared_files
from training.storage.artifacts import Store, same
from training.storage.checksums import DamagedArtifact, sidecar
from training.storage.predictions import Predictions
from training.storage.remote import Remote, StoreUnreachable, open_remote

RUN, OTHER = list(make_plan(ExperimentSpec(name="A test", seeds=1)).runs.values())[:2]
KEY = RUN.key()
PREDICTIONS = f"runs/{KEY}/predictions.parquet"


@pytest.fixture(autouse=True)
def compared_at_each_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shared_files, "FRESH_SECONDS", 0.0)


def write(store: Store) -> None:
    store.write_trajectory(KEY, trajectory())
    store.write_run(RUN)
    store.write_predictions(KEY, predictions())


@pytest.mark.parametrize("kind", ["file", "s3"])
def test_a_run_that_one_machine_wrote_is_read_by_another(kind: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    if kind == "s3":
        server: ObjectStorage = request.getfixturevalue("storage_server")
        remote = open_remote(f"{server.bucket()}/laboratory")
    else:
        remote = request.getfixturevalue("remote")
    first, second = Store(tmp_path / "first", remote), Store(tmp_path / "second", remote)
    assert not second.finished(KEY)
    with pytest.raises(FileNotFoundError):
        second.read_predictions(KEY)

    write(first)

    assert second.finished(KEY)
    assert second.damage(KEY, again=True) is None
    assert same(first, KEY, second, KEY)
    assert second.read_run(KEY[:12]) == RUN
    assert second.read_trajectory(KEY).selected == trajectory().selected
    for field in fields(Predictions):
        np.testing.assert_array_equal(getattr(second.read_predictions(KEY), field.name), getattr(predictions(), field.name))
    assert second.read_example(KEY, int(predictions().id[0])) is not None


def test_a_checksum_is_there_before_its_file_and_the_predictions_come_last(
    first: Store, remote: Remote, monkeypatch: pytest.MonkeyPatch
) -> None:
    uploaded, upload = list[str](), remote.upload

    def noted(source: Path, name: str) -> None:
        uploaded.append(name)
        upload(source, name)

    monkeypatch.setattr(remote, "upload", noted)

    write(first)

    assert [name.rpartition("/")[2] for name in uploaded] == [
        *("trajectory.parquet.sha256", "trajectory.parquet"),
        *("run.json.sha256", "run.json"),
        *("predictions.parquet.sha256", "predictions.parquet"),
    ]


def test_a_file_whose_upload_has_not_ended_is_not_there(first: Store, second: Store, remote: Remote, tmp_path: Path) -> None:
    write(first)
    remote.remove(PREDICTIONS)  # as between the two uploads

    assert not second.finished(KEY)
    assert second.damage(KEY) is not None
    with pytest.raises(FileNotFoundError):
        second.read_predictions(KEY)
    with pytest.raises(LookupError):
        second.read_run(KEY)
    assert not list((tmp_path / "second").rglob("predictions*"))


READS: list[Callable[[Store], object]] = [
    lambda store: store.read_predictions(KEY),
    lambda store: store.read_ids(KEY, "test"),
    lambda store: store.read_example(KEY, 3),
]


@pytest.mark.parametrize("read", READS)
@pytest.mark.parametrize("harm", ["truncated", "changed", "without its checksum", "with another checksum"])
def test_a_damaged_file_of_the_store_is_named_and_never_read(
    harm: str, read: Callable[[Store], object], first: Store, second: Store, shared: Path, tmp_path: Path
) -> None:
    write(first)
    file = shared / PREDICTIONS
    if harm == "truncated":
        os.truncate(file, file.stat().st_size // 2)
    elif harm == "changed":
        flip(file, 99)
    elif harm == "without its checksum":
        sidecar(file).unlink()
    else:
        sidecar(file).write_text(f"{'0' * 64}  predictions.parquet\n")

    with pytest.raises(DamagedArtifact, match=f"predictions.parquet of run {KEY[:12]} is damaged"):
        read(second)

    assert not (tmp_path / "second" / PREDICTIONS).exists()
    assert second.damage(KEY) is not None


@pytest.mark.parametrize("read", READS)
def test_a_damaged_copy_is_replaced_before_anybody_reads_it(
    read: Callable[[Store], object], first: Store, second: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(first)
    read(second)
    flip(second.run(KEY) / "predictions.parquet", 99)
    monkeypatch.setattr(checksums, "_verified", {})  # as in another process

    read(second)

    assert second.damage(KEY, again=True) is None
    assert (second.run(KEY) / "predictions.parquet").read_bytes() == (first.run(KEY) / "predictions.parquet").read_bytes()


def test_a_damaged_file_of_the_store_is_mended_by_an_undamaged_copy(first: Store, second: Store, shared: Path) -> None:
    write(first)
    whole = (shared / PREDICTIONS).read_bytes()
    os.truncate(shared / PREDICTIONS, 10)

    assert second.damage(KEY, again=True) is not None
    assert first.damage(KEY, again=True) is None

    assert (shared / PREDICTIONS).read_bytes() == whole
    assert second.damage(KEY, again=True) is None


def test_a_run_moved_aside_is_gone_for_every_machine_and_written_again(first: Store, second: Store, remote: Remote) -> None:
    write(first)
    second.read_predictions(KEY)

    second.quarantine(KEY)

    assert not first.finished(KEY)
    assert list(remote.names("")) == []
    assert len(list(second.root.glob(f"quarantine/runs/{KEY}/*/predictions.parquet"))) == 1
    changed = predictions().take(np.arange(2))
    second.write_predictions(KEY, changed)
    assert first.read_predictions(KEY).id.tolist() == changed.id.tolist(), "the older copy is not read again"


def test_a_damaged_file_that_no_machine_has_a_copy_of_is_kept_aside(first: Store, second: Store, shared: Path) -> None:
    write(first)
    os.truncate(shared / PREDICTIONS, 10)

    second.quarantine(KEY)

    (aside,) = second.root.glob(f"quarantine/runs/{KEY}/*/predictions.parquet")
    assert aside.stat().st_size == 10


def test_the_first_of_two_writers_of_a_run_counts(first: Store, second: Store) -> None:
    write(first)

    second.write_predictions(KEY, predictions().take(np.arange(1)))

    assert second.read_predictions(KEY).id.tolist() == predictions().id.tolist()


def test_two_uploads_at_once_leave_a_file_with_its_own_checksum(
    first: Store, second: Store, remote: Remote, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload = remote.upload
    name = "features/a.npy"

    def interrupted(source: Path, target: str) -> None:
        if target == name:  # between the checksum and the file of the first
            monkeypatch.setattr(remote, "upload", upload)
            with second.writing(second.root / name) as path:
                path.write_bytes(b"second")
        upload(source, target)

    monkeypatch.setattr(remote, "upload", interrupted)
    with first.writing(first.root / name) as path:
        path.write_bytes(b"first")

    for store in (first, second):
        assert store.checksums.read(store.root / name) == b"first"


def test_copies_are_read_while_the_store_cannot_be_reached(first: Store, second: Store, shared: Path) -> None:
    write(first)
    second.read_predictions(KEY)
    shared.rename(shared.with_name("unmounted"))

    assert second.read_predictions(KEY).id.tolist() == predictions().id.tolist()
    for ask in (lambda: second.read_trajectory(KEY), lambda: second.finished(OTHER.key()), lambda: second.read_run(KEY)):
        with pytest.raises(StoreUnreachable, match="cannot be reached"):
            ask()
    with pytest.raises(StoreUnreachable):
        write(second)

    shared.with_name("unmounted").rename(shared)

    assert second.read_trajectory(KEY).selected == trajectory().selected


def test_a_write_that_could_not_be_uploaded_is_repeated(first: Store, second: Store, shared: Path) -> None:
    shared.rename(shared.with_name("unmounted"))
    with pytest.raises(StoreUnreachable):
        first.write_predictions(KEY, predictions())
    shared.with_name("unmounted").rename(shared)

    assert not first.finished(KEY), "only what others can read is finished"
    write(first)

    assert second.read_predictions(KEY).id.tolist() == predictions().id.tolist()


def test_a_copy_that_was_just_compared_is_read_without_asking(
    first: Store, remote: Remote, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shared_files, "FRESH_SECONDS", 60.0)
    write(first)
    monkeypatch.setattr(remote, "read", None)
    monkeypatch.setattr(remote, "size", None)

    first.read_predictions(KEY)
    first.read_ids(KEY, "test")
    assert first.finished(KEY)


def test_a_copy_that_is_removed_before_it_is_opened_is_fetched_again(
    first: Store, second: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(first)
    second.read_predictions(KEY)
    shared, fetch = second.shared, shared_files.SharedFiles.fetch
    assert shared

    def fetch_and_remove(self: shared_files.SharedFiles, path: Path) -> None:
        fetch(self, path)
        checksums.remove(path)

    monkeypatch.setattr(shared_files.SharedFiles, "fetch", fetch_and_remove)

    assert second.read_predictions(KEY).id.tolist() == predictions().id.tolist()
    assert len(second.read_ids(KEY, "test"))
