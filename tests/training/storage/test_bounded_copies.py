"""The copies that a machine keeps of the files of a shared store stay below a bound, and nothing is lost."""

import os
import time
from pathlib import Path

import pytest

from training.storage import shared_files
from training.storage.artifacts import Store
from training.storage.remote import FolderRemote, Remote

KEY = "a" * 64


@pytest.fixture
def remote(tmp_path: Path) -> Remote:
    (tmp_path / "shared").mkdir()
    return FolderRemote((tmp_path / "shared").as_uri())


class Cache:
    """Files of 1,000 bytes, of which a machine keeps copies of 4,500 bytes."""

    def __init__(self, store: Store) -> None:
        self.store = store

    def write(self, number: int) -> Path:
        path = self.store.features / f"{number}.npy"
        with self.store.writing(path) as partial:
            partial.write_bytes(bytes([number]) * 1000)
        return path

    @property
    def copies(self) -> list[str]:
        return sorted(path.stem for path in self.store.features.glob("*.npy"))


@pytest.fixture
def cache(tmp_path: Path, remote: Remote, monkeypatch: pytest.MonkeyPatch) -> Cache:
    monkeypatch.setattr(shared_files, "USED_SECONDS", 0.0)
    monkeypatch.setattr(shared_files, "FRESH_SECONDS", 0.0)
    return Cache(Store(tmp_path / "third", remote, 4500))


def test_the_copies_stay_below_their_bound_and_nothing_is_lost(cache: Cache) -> None:
    for number in range(10):
        cache.write(number)
        assert sum(path.stat().st_size for path in cache.store.root.rglob("*") if path.is_file()) <= 4500 + 1100

    assert cache.copies == ["6", "7", "8", "9"]
    for number in range(10):
        assert cache.store.checksums.read(cache.store.features / f"{number}.npy") == bytes([number]) * 1000


def test_the_copy_that_was_not_used_for_the_longest_time_goes_first(cache: Cache) -> None:
    paths = [cache.write(number) for number in range(4)]
    cache.store.checksums.verify(paths[0])

    cache.write(4)

    assert cache.copies == ["0", "2", "3", "4"]


def test_what_the_store_lacks_and_the_files_of_unfinished_runs_stay(cache: Cache, remote: Remote) -> None:
    here = cache.write(0)
    remote.remove("features/0.npy")
    for name in ("checkpoint.bin", "best-3.safetensors"):
        path = cache.store.run(KEY) / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(bytes(3000))

    for number in range(1, 4):
        cache.write(number)

    assert here.exists()
    assert {path.name for path in cache.store.run(KEY).iterdir()} == {"checkpoint.bin", "best-3.safetensors"}


def test_a_copy_that_is_in_use_stays_above_the_bound(cache: Cache, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shared_files, "USED_SECONDS", 60.0)
    paths = [cache.write(number) for number in range(8)]
    assert all(path.exists() for path in paths)

    for path in paths[:6]:
        os.utime(path, (time.time() - 61, path.stat().st_mtime))
    cache.write(8)

    assert cache.copies == ["5", "6", "7", "8"]
