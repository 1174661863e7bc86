"""The examples of a data set in the plane of the first two principal components of their frozen features."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from training import RunSpec, Store
from training.storage.atomic import atomic
from webapp.example_queries.nearest import features_of
from webapp.example_queries.tables import database

BLOCK = 2**23
"""Numbers of a feature file in memory at once."""

FRAME = (0.001, 0.999)
"""Quantiles at the edges of the picture; the few rows beyond are drawn at the edge."""


@dataclass(frozen=True)
class Plane:
    """``place`` (n, 2) are the coordinates of the rows, ``share`` (2,) is the share of the features' variance along each axis."""

    place: npt.NDArray[np.float32]
    share: npt.NDArray[np.float64]


def projected_of(run: RunSpec, store: Store, dataset: Path) -> tuple[Path, ...]:
    """Return the feature files that a plane is computed from: those that ``run`` was trained on, for pairs those of A and B.

    Empty where they are not stored. Raises FileNotFoundError where the data set is gone.
    """
    first = features_of(run, store)
    if first is None:
        return ()
    with pq.ParquetFile(dataset) as file:
        pairs = "text_b" in file.schema_arrow.names
    second = first.with_name(f"{first.stem}-b.npy")
    return ((first, second) if second.exists() else ()) if pairs else (first,)


def blocks(features: tuple[Path, ...]) -> Iterator[npt.NDArray[np.float32]]:
    """Yield the rows in order, some at a time; for two files the first minus the second."""
    rows, width = np.load(features[0], mmap_mode="r", allow_pickle=False).shape
    step = max(1, BLOCK // width)
    for begin in range(0, rows, step):
        # Mapped again for each block: pages that were read count as memory of this process until they are unmapped.
        first, *second = (
            np.array(np.load(path, mmap_mode="r", allow_pickle=False)[begin : begin + step], np.float32) for path in features
        )
        yield first - second[0] if second else first


def project(features: tuple[Path, ...]) -> Plane:
    """Return principal components by the covariance of the features, in two passes over the rows.

    The largest entry of each component is positive, so that the same features give the same plane.
    Raises ValueError for features that are not finite.
    """
    mean, covariance = _moments(features)
    variance, vectors = np.linalg.eigh(covariance)
    axes = vectors[:, :-3:-1]
    axes = (axes * np.sign(axes[np.abs(axes).argmax(axis=0), [0, 1]])).astype(np.float32)
    place = np.concatenate([(block - mean) @ axes for block in blocks(features)])
    return Plane(place, np.maximum(variance[:-3:-1], 0) / (variance.sum() or 1))


def _moments(features: tuple[Path, ...]) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float64]]:
    """Return mean (width,) and covariance (width, width). Blocks are in single precision, less the mean of the first rows."""
    near: npt.NDArray[np.float32] = next(blocks(features)).mean(axis=0)
    rows, total, squares = 0, np.zeros(len(near)), np.zeros((len(near), len(near)))
    for block in blocks(features):
        if not np.isfinite(block).all():
            raise ValueError("The stored features contain numbers that are not finite.")
        block -= near
        rows += len(block)
        total += block.sum(axis=0, dtype=np.float64)
        squares += block.T @ block
    off = total / rows
    return (near + off).astype(np.float32), squares / rows - np.outer(off, off)


def build_plane(features: tuple[Path, ...], dataset: Path, target: Path, memory: str, threads: int) -> None:
    """Write a table ``plane`` by the rows of ``build_texts``, and the values that all rows share in ``frame``.

    Rows of the features are those of the data set's file, in its order. Raises ValueError for another number of rows.
    """
    with pq.ParquetFile(dataset) as file:
        ids = file.read(columns=["id"])["id"].to_numpy()
    projected = project(features)
    if len(projected.place) != len(ids):
        raise ValueError("The stored features belong to other examples.")
    x, y = projected.place[np.argsort(ids, kind="stable")].T
    ends = np.quantile(projected.place, FRAME, axis=0)
    parquet = target.with_suffix(".parquet")
    with atomic(parquet) as path:
        pq.write_table(pa.table({"row": np.arange(len(ids)), "x": x, "y": y}), path, compression="none")
        with database(target, memory, threads) as connection:
            connection.execute("CREATE TABLE plane AS FROM read_parquet(?, hive_partitioning = false)", [str(path)])
            connection.execute(
                "CREATE TABLE frame AS SELECT ? AS x_low, ? AS y_low, ? AS x_high, ? AS y_high, ? AS x_share, ? AS y_share",
                [*ends.ravel().tolist(), *projected.share.tolist()],
            )
    parquet.unlink()
