"""Checkpoints of unfinished runs in a store that machines share. Each begins with its own checksum; that of the store counts."""

from fnmatch import fnmatch
from pathlib import Path

from training.storage.checksums import SUFFIX
from training.storage.shared_files import BEST, SharedFiles


def publish(shared: SharedFiles, path: Path) -> None:
    """Upload a checkpoint after the files of weights that it refers to; older ones are removed. Raises StoreUnreachable."""
    here = {file.name for file in path.parent.glob(BEST)}
    for name in here:
        shared.upload(path.with_name(name))
    shared.remote.upload(path, shared.name_of(path))
    for name in shared.names(path.parent):
        if fnmatch(name.removesuffix(SUFFIX), BEST) and name.removesuffix(SUFFIX) not in here:
            shared.remote.remove(shared.name_of(path.with_name(name)))


def fetch(shared: SharedFiles, path: Path) -> None:
    """Take the checkpoint of the store, if it has one, with the files of weights that it refers to. Raises StoreUnreachable."""
    try:
        begin = shared.remote.read(shared.name_of(path), 0, 32)
    except FileNotFoundError:
        return
    if path.exists() and _begin(path) == begin:
        return
    for name in sorted(shared.names(path.parent)):
        if fnmatch(name, f"{BEST}*"):
            shared.remote.download(shared.name_of(path.with_name(name)), path.with_name(name))
    shared.remote.download(shared.name_of(path), path)


def _begin(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(32)
