"""Checkpoints of unfinished runs in a shared store, from which another machine goes on."""

from pathlib import Path

import pytest

from training.storage.artifacts import Store
from training.storage.checksums import Checksums
from training.storage.remote import Remote, StoreUnreachable

KEY, OTHER = "a" * 64, "b" * 64


def test_the_checkpoint_of_the_store_is_the_one_that_counts(first: Store, second: Store, remote: Remote) -> None:
    def save(store: Store, content: bytes, step: int) -> None:
        folder = store.run(KEY)
        folder.mkdir(parents=True, exist_ok=True)
        for file in folder.glob("best-*"):
            file.unlink()
        with Checksums(folder).writing(folder / f"best-{step}.safetensors") as path:
            path.write_bytes(content * 2)
        store.checkpoint(KEY).write_bytes(content)
        store.publish_checkpoint(KEY)

    save(first, b"1" * 40, 3)
    second.fetch_checkpoint(KEY)
    assert second.checkpoint(KEY).read_bytes() == b"1" * 40
    assert (second.run(KEY) / "best-3.safetensors").read_bytes() == b"1" * 80

    save(second, b"2" * 40, 5)
    first.fetch_checkpoint(KEY)
    assert first.checkpoint(KEY).read_bytes() == b"2" * 40
    first.fetch_checkpoint(OTHER)
    assert {name.rpartition("/")[2] for name in remote.names("")} == {
        *("checkpoint.bin", "best-5.safetensors", "best-5.safetensors.sha256")
    }

    first.sweep(KEY, "checkpoint.bin", "best-*.safetensors")
    assert list(remote.names("")) == []


def test_a_checkpoint_that_cannot_be_uploaded_does_not_end_its_run(first: Store, shared: Path) -> None:
    first.run(KEY).mkdir(parents=True)
    first.checkpoint(KEY).write_bytes(b"1" * 40)
    shared.rename(shared.with_name("unmounted"))

    first.publish_checkpoint(KEY)

    assert first.checkpoint(KEY).exists()
    with pytest.raises(StoreUnreachable):
        first.fetch_checkpoint(KEY)
