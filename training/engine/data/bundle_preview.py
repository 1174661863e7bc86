"""The preview of a feature bundle: its arrays with their shapes, and its first rows."""

from itertools import chain, islice
from pathlib import Path

import numpy as np

from training.command_output import VECTOR, Column, Preview
from training.engine.data.bundle_sources import Array, FeatureSource, open_source

SHOWN, NUMBERS, FEW = 8, 4, 20


def preview_bundle(path: Path) -> Preview:
    """Return the preview of ``path``. Raises CorruptData where it cannot be read."""
    source = open_source(path)
    arrays = [array for array in source.arrays.values() if array.shape]
    total = max((array.shape[0] for array in arrays), default=0)
    values = [_values(source, array) for array in arrays]
    columns = tuple(_column(array, shown) for array, shown in zip(arrays, values, strict=True))
    first = tuple(tuple(shown[row] if row < len(shown) else "" for shown in values) for row in range(min(SHOWN, total)))
    return Preview(columns=columns, rows=first, looked_at=total)


def _values(source: FeatureSource, array: Array) -> list[str]:
    """Return the values of an array as texts: of features those of the first rows, of others all."""
    if array.features:
        block = next(source.blocks(array.name), None)
        return [] if block is None else [_vector(row) for row in block[:SHOWN]]
    return source.column(array.name) if len(array.shape) == 1 else []


def _vector(row: np.ndarray) -> str:
    numbers = chain((f"{number:.3g}" for number in row[:NUMBERS].tolist()), ["…"] if len(row) > NUMBERS else [])
    return ", ".join(numbers)


def _column(array: Array, values: list[str]) -> Column:
    if len(array.shape) > 1:
        shape = " x ".join(f"{size:,}" for size in array.shape)
        return Column(name=array.name, type=f"{VECTOR if array.features else 'array'}, {shape} of {array.type}", values=None)
    different = sorted(set(values) - {""})
    few = tuple(different) if len(different) <= FEW else None
    type_ = "whole number" if array.kind in "iu" else "number" if array.kind == "f" else "text"
    length = sum(map(len, islice(values, 5_000))) / max(1, min(5_000, len(values)))
    return Column(name=array.name, type=f"{type_}, {len(different):,} different", values=few, length=length)
