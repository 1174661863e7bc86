"""Arrays of an uploaded feature bundle: copied to disk in the type that is kept, checked and measured on the way."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from training.catalog.check_report import FeatureArray
from training.engine.data.bundle_rows import MOST_ROWS
from training.engine.data.bundle_sources import Array, FeatureSource
from training.engine.data.rules import OnProgress
from training.engine.errors import CorruptData

WIDEST = 16_384
LARGEST_BUNDLE = 2**32
"""Largest bytes of all arrays of a bundle, as they are kept."""
RATES = (1e-4, 1e-1)
"""Smallest and largest learning rate that is recommended."""
HASHED_ROWS = 4_096

Floats = npt.NDArray[np.floating]


@dataclass(frozen=True)
class Measured:
    """An array on disk (n, width), and what was measured on it."""

    values: Floats
    about: FeatureArray


def check_shapes(source: FeatureSource, names: Sequence[str]) -> int:
    """Return the number of rows of the arrays ``names``. Raises CorruptData where they are no features or differ in rows."""
    arrays = [source.array(name) for name in names]
    for array in arrays:
        if not array.features:
            shape = " x ".join(f"{size:,}" for size in array.shape) or "a single value"
            raise CorruptData(f"The array “{array.name}” is {shape} of {array.type}: features are rows x numbers of floats.")
        if not 1 <= array.shape[1] <= WIDEST:
            raise CorruptData(f"The array “{array.name}” has {array.shape[1]:,} features, and 1 to {WIDEST:,} can be used.")
    rows = arrays[0].shape[0]
    for array in arrays:
        if array.shape[0] != rows:
            raise CorruptData(f"“{arrays[0].name}” has {rows:,} rows, and “{array.name}” has {array.shape[0]:,}.")
    if rows > MOST_ROWS:
        raise CorruptData(f"There are {rows:,} rows, and at most {MOST_ROWS:,} can be used.")
    size = sum(rows * array.shape[1] * np.dtype(type_of(array)).itemsize for array in arrays)
    if size > LARGEST_BUNDLE:
        raise CorruptData(f"The features take {size / 2**30:.1f} GB, and at most {LARGEST_BUNDLE / 2**30:g} GB can be used.")
    return rows


def type_of(array: Array) -> str:
    """Return the type in which an array is kept: half precision as it is, and single precision for all others."""
    return "float16" if array.type in ("float16", "halffloat") else "float32"


def keep(source: FeatureSource, name: str, folder: Path, on_progress: OnProgress) -> Measured:
    """Copy an array to a file in ``folder``, mapped. Raises CorruptData for numbers that are not finite, which it names."""
    array = source.array(name)
    (rows, width), kind = array.shape, type_of(array)
    values = np.lib.format.open_memmap(folder / f"{name}.npy", mode="w+", dtype=np.dtype(kind), shape=(rows, width))
    low, high, total, done = np.full(width, np.inf), np.full(width, -np.inf), 0.0, 0
    for raw in source.blocks(name):
        with np.errstate(over="ignore"):
            block = raw.astype(kind)
        if not np.isfinite(block).all():
            row, column = np.argwhere(~np.isfinite(block))[0]
            what = "is too large for single precision" if np.isfinite(raw[row, column]) else "is not a finite number"
            raise CorruptData(f"Row {done + row + 1:,}, feature {column + 1:,} of “{name}” {what}.")
        values[done : done + len(block)] = block
        low, high = np.minimum(low, block.min(axis=0)), np.maximum(high, block.max(axis=0))
        total += float(np.abs(block).sum(dtype=np.float64))
        done += len(block)
        on_progress(f"reading {name}", done, rows)
    if done != rows:
        raise CorruptData(f"“{name}” has {done:,} rows, and {rows:,} are declared.")
    constant = int((low == high).sum())
    if constant == width:
        raise CorruptData(f"All features of “{name}” are constant: nothing can be learned from them.")
    values.flush()
    rate = float(np.clip(rows / total, *RATES))
    about = FeatureArray(
        name=name,
        width=width,
        type=kind,
        constant=constant,
        mean=total / (rows * width),
        learning_rate=float(f"{rate:.1g}"),
    )
    return Measured(values, about)


def hashes(arrays: Sequence[Floats]) -> npt.NDArray[np.int64]:
    """Return a hash (n,) of the features of each row in all ``arrays``: equal rows have equal ones."""
    numbers = np.empty(len(arrays[0]), np.int64)
    for start in range(0, len(numbers), HASHED_ROWS):
        blocks = [np.ascontiguousarray(array[start : start + HASHED_ROWS]) for array in arrays]
        for row in range(len(blocks[0])):
            digest = hashlib.blake2b(digest_size=8)
            for block in blocks:
                digest.update(block[row].data)
            numbers[start + row] = int.from_bytes(digest.digest(), "big") >> 1
    return numbers
