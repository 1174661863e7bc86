"""Files of features: one row for each row of a data set, written once under a lock, verified, and mapped by every run."""

import logging
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
from filelock import FileLock, Timeout

from training.engine.errors import Stopped
from training.storage.artifacts import Store
from training.storage.checksums import DamagedArtifact

log = logging.getLogger(__name__)

Features = npt.NDArray[np.floating]
"""Features (rows, width), in single precision or as an array of a bundle has them."""


def stored(
    store: Store, path: Path, shape: tuple[int, int], write: Callable[[Path], None], should_stop: Callable[[], bool]
) -> Features:
    """Return the features at ``path``, which ``write`` makes at the path that it gets where there are none. Raises Stopped.

    Of two processes that need the same features, one makes them and the other waits.
    """
    if (ready := read(store, path, shape)) is not None:
        return ready
    path.parent.mkdir(parents=True, exist_ok=True)
    with locked(path.with_suffix(".lock"), should_stop):
        if (ready := read(store, path, shape)) is not None:
            return ready
        if store.checksums.has(path):
            store.checksums.quarantine(path)
        with store.writing(path) as partial:
            write(partial)
    made = read(store, path, shape)
    assert made is not None, f"{path} was just written"
    return made


def read(store: Store, path: Path, shape: tuple[int, int]) -> Features | None:
    """Return the stored features; None where they are missing or damaged."""
    try:
        store.checksums.verify(path, again=True)
        features: Features = np.load(path, mmap_mode="r", allow_pickle=False)
    except FileNotFoundError:
        return None
    except (ValueError, EOFError, DamagedArtifact):
        features = np.empty((0, 0), np.float32)
    if features.shape != shape or features.dtype not in (np.float32, np.float16):
        log.warning("The features %s are damaged and will be computed again.", path)
        return None
    return features


class locked:  # noqa: N801 - read as a verb: with locked(path, should_stop)
    """A lock between processes that can be stopped while it waits."""

    def __init__(self, path: Path, should_stop: Callable[[], bool]) -> None:
        self.lock, self.should_stop = FileLock(path), should_stop

    def __enter__(self) -> None:
        while True:
            if self.should_stop():
                raise Stopped
            try:
                self.lock.acquire(timeout=0.2)
            except Timeout:
                continue
            return

    def __exit__(self, *_: object) -> None:
        self.lock.release()


def reserve(path: Path) -> None:
    """Allocate the whole file now: a full disk is an OSError here, but a later write into the map would kill the process."""
    if hasattr(os, "posix_fallocate"):  # macOS has none
        with path.open("r+b") as file:
            os.posix_fallocate(file.fileno(), 0, path.stat().st_size)
