"""Arrays of a feature bundle as features, in a file of their own that every run maps."""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from training import catalog
from training.catalog.bundles import array_of
from training.engine.data.bundle_file import BundleFile
from training.engine.errors import CorruptData, Stopped
from training.engine.models.feature_files import Features, reserve, stored
from training.spec import RunSpec
from training.storage.artifacts import Store


def array_features(run: RunSpec, rows: int, store: Store, should_stop: Callable[[], bool]) -> Features:
    """Return the array of the bundle that the run reads (rows, width), float16 or float32. Raises Stopped, CorruptData.

    The data set's file was checked against its fingerprint when its examples were read.
    """
    with opened(run) as bundle:
        array = bundle.array(array_of(run.model) or "")

        def write(path: Path) -> None:
            file = np.lib.format.open_memmap(path, mode="w+", dtype=np.dtype(array.type), shape=(rows, array.width))
            reserve(path)
            done = 0
            for block in bundle.blocks(array):
                if should_stop():
                    raise Stopped
                file[done : done + len(block)] = block
                done += len(block)
            file.flush()

        return stored(store, store.array_file(run), (rows, array.width), write, should_stop)


def opened(run: RunSpec) -> BundleFile:
    """Return the bundle that the run reads. Raises CorruptData where its file is missing."""
    path = catalog.examples_of(run.dataset, run.fingerprint)
    if not path.exists():
        raise CorruptData(f"The file of the data set “{run.dataset}” is missing: {path}.")
    return BundleFile(path)
