"""Verification of the files that pages of examples read, before somebody opens one."""

from collections.abc import Collection
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

from training import RunSpec, Store
from training.storage.checksums import DamagedArtifact
from webapp.example_queries.nearest import features_of
from webapp.explorer.finished_models import FinishedModels, Triplet

_VERIFIER = ThreadPoolExecutor(1, "verifier")
SUBMITTED: set[tuple[Path, str]] = set()
"""The stores and students whose files this process has begun to compare."""


def verify_ahead(finished: FinishedModels, triplet: Triplet) -> None:
    """Compare the files that the pages of a view's examples read with their checksums, once in a process, in the background.

    Hundreds of megabytes take a second. A page that needs a file meanwhile waits for its comparison and does not repeat it.
    """
    store, student = finished.source.store, triplet.student
    if (store.root, student.key) in SUBMITTED:
        return
    SUBMITTED.add((store.root, student.key))
    keys = {key for each in finished.of_pair(triplet) for key in each.keys}
    _VERIFIER.submit(_verify, store, keys, student.spec)


def _verify(store: Store, keys: Collection[str], student: RunSpec) -> None:
    for key in keys:
        with suppress(OSError, DamagedArtifact):  # the page that reads the file reports it
            store.read_ids(key, "test")  # and no comparison alone: the first read of a process loads modules for 0.3 s
            store.checksums.verify(store.run(key) / "trajectory.parquet")
    with suppress(OSError):
        features_of(student, store)
