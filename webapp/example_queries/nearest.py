"""The training examples nearest to an example, in the frozen features that a probe reads."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow.parquet as pq

from training import RunSpec, Store, catalog
from training.catalog.bundles import array_of
from training.catalog.models import READINGS
from training.storage.checksums import DamagedArtifact

BLOCK = 64
"""Rows of the features that are converted at once: few enough for the cache of a processor."""

SIGN_AND_MAGNITUDE = np.int32(-0x70002000)
"""The bits of a half-precision number once its sign is extended to 32 bits and all are shifted by 13: 0x8FFFE000."""

EXPONENT = np.float32(2.0**112)
"""Ratio of two numbers with the same bits, half and single precision: their exponents are biased by 15 and 127."""

TINY = 1e-12
"""Length of a vector of zeros, so that its cosines are zero."""


@dataclass(frozen=True)
class Near:
    """``likeness`` is the cosine of the two examples' features."""

    id: int
    likeness: float


def features_of(run: RunSpec, store: Store) -> Path | None:
    """Return the file of the frozen features that ``run`` was trained on, if there are any and the file still exists."""
    if array_of(run.model) is not None:
        path = store.array_file(run)
        return path if _whole(store, path) else None
    model = catalog.known_model(run.model)
    if model is None or not (run.adaptation == "probe" or model.kind == "vision"):
        return None
    layers = 0 if model.kind == "vision" and model.layers is None else model.layers  # grey cells have no layers
    reading = READINGS.get(model.kind, run.pooling)
    # Only the worker that computed the features knows the precision that "auto" stands for.
    precisions = ("fp32", "bf16") if run.precision == "auto" else (run.precision,)
    files = (store.features_file(run, layers, reading, precision) for precision in precisions)
    return next((path for path in files if _whole(store, path)), None)


def _whole(store: Store, path: Path) -> bool:
    """Return whether the file exists as it was written. A damaged one is moved aside, and the next training computes it again."""
    try:
        store.checksums.verify(path)
    except FileNotFoundError:
        return False
    except DamagedArtifact:
        store.checksums.quarantine(path)
        return False
    return True


def nearest(features: Path, dataset: Path, example: int, among: npt.NDArray[np.int64], number: int = 8) -> list[Near]:
    """Return the ``number`` examples of ``among`` (ids) with the features most like those of ``example``, the most alike first.

    Rows of the features are those of the data set's file, in its order. Raises LookupError if it does not contain the example.
    """
    with pq.ParquetFile(dataset) as file:
        ids = file.read(columns=["id"], use_threads=False)["id"].to_numpy()
    table = np.load(features, mmap_mode="r", allow_pickle=False)
    at = np.flatnonzero(ids == example)
    if len(at) != 1 or len(table) != len(ids):
        raise LookupError(example)
    rows = np.flatnonzero(np.isin(ids, among))
    own = table[at[0]].astype(np.float32)
    alike = np.empty(len(rows), np.float32)
    for begin in range(0, len(rows), BLOCK):
        part = singles(table[rows[begin : begin + BLOCK]])
        # No BLAS: its threads wait for one another on a busy machine, for longer than the sum takes.
        alike[begin : begin + BLOCK] = np.einsum("ij,j->i", part, own) / np.maximum(_length(part), TINY)
    alike /= max(float(_length(own[None])[0]), TINY)
    best = np.argsort(-alike, kind="stable")[:number]
    return [Near(int(ids[rows[index]]), float(alike[index])) for index in best]


def singles(features: npt.NDArray[np.floating[Any]]) -> npt.NDArray[np.float32]:
    """Return finite ``features`` in single precision, exactly.

    From half precision this takes a third of the time of numpy's conversion, which on x86 goes number by number.
    """
    if features.dtype != np.float16:
        return features.astype(np.float32, copy=False)
    bits = features.view(np.int16).astype(np.int32)
    bits <<= 13
    bits &= SIGN_AND_MAGNITUDE
    values = bits.view(np.float32)
    values *= EXPONENT
    return values


def _length(vectors: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    length: npt.NDArray[np.float32] = np.sqrt(np.einsum("ij,ij->i", vectors, vectors))
    return length
