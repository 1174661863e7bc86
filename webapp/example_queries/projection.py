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
"""Numbers of a file of features that are in memory at once."""

FRAME = (0.001, 0.999)
"""What lies between these quantiles is inside the picture; the few rows beyond are drawn at its edge."""


@dataclass(frozen=True)
class Plane:
    """``place`` (n, 2): where each row is; ``share`` (2,): of the variance of all features, the part along each axis."""

    place: npt.NDArray[np.float32]
    share: npt.NDArray[np.float64]


def projected_of(run: RunSpec, store: Store, dataset: Path) -> tuple[Path, ...]:
    """The files that a plane is made from: the features that ``run`` was trained on, of pairs those of A and of B.

    Empty where they are not kept. Raises FileNotFoundError where the data set is gone.
    """
    one = features_of(run, store)
    if one is None:
        return ()
    with pq.ParquetFile(dataset) as file:
        pairs = "text_b" in file.schema_arrow.names
    other = one.with_name(f"{one.stem}-b.npy")
    return ((one, other) if other.exists() else ()) if pairs else (one,)


def blocks(features: tuple[Path, ...]) -> Iterator[npt.NDArray[np.float32]]:
    """The rows in order, some at a time; of two files the first less the second."""
    rows, width = np.load(features[0], mmap_mode="r", allow_pickle=False).shape
    step = max(1, BLOCK // width)
    for begin in range(0, rows, step):
        # Mapped anew each time, since pages that were read count as this process's memory until they are unmapped.
        one, *other = (np.array(np.load(path, mmap_mode="r", allow_pickle=False)[begin : begin + step]) for path in features)
        yield one - other[0] if other else one


def project(features: tuple[Path, ...]) -> Plane:
    """Principal components by the covariance of the features, in two passes over the rows.

    Each component points to where its largest entry is positive, so that the same features give the same plane.
    Raises ValueError for features that are not finite.
    """
    mean, covariance = _moments(features)
    variance, vectors = np.linalg.eigh(covariance)
    axes = vectors[:, :-3:-1]
    axes = (axes * np.sign(axes[np.abs(axes).argmax(axis=0), [0, 1]])).astype(np.float32)
    place = np.concatenate([(block - mean) @ axes for block in blocks(features)])
    return Plane(place, np.maximum(variance[:-3:-1], 0) / (variance.sum() or 1))


def _moments(features: tuple[Path, ...]) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float64]]:
    """Mean (width,) and covariance (width, width). Less the first rows' mean, single precision suffices for a block."""
    near: npt.NDArray[np.float32] = next(blocks(features)).mean(axis=0)
    rows, total, squares = 0, np.zeros(len(near)), np.zeros((len(near), len(near)))
    for block in blocks(features):
        if not np.isfinite(block).all():
            raise ValueError("The features that are kept hold numbers that are not finite.")
        block -= near
        rows += len(block)
        total += block.sum(axis=0, dtype=np.float64)
        squares += block.T @ block
    off = total / rows
    return (near + off).astype(np.float32), squares / rows - np.outer(off, off)


def build_plane(features: tuple[Path, ...], dataset: Path, target: Path, memory: str, threads: int) -> None:
    """A table ``plane`` by the rows of ``build_texts``, and what is one for all of them in ``frame``.

    Rows of the features are those of the data set's file, in its order. Raises ValueError where they are not as many.
    """
    with pq.ParquetFile(dataset) as file:
        ids = file.read(columns=["id"])["id"].to_numpy()
    found = project(features)
    if len(found.place) != len(ids):
        raise ValueError("The features that are kept are of other examples.")
    x, y = found.place[np.argsort(ids, kind="stable")].T
    ends = np.quantile(found.place, FRAME, axis=0)
    parquet = target.with_suffix(".parquet")
    with atomic(parquet) as path:
        pq.write_table(pa.table({"row": np.arange(len(ids)), "x": x, "y": y}), path, compression="none")
        with database(target, memory, threads) as connection:
            connection.execute("CREATE TABLE plane AS FROM read_parquet(?, hive_partitioning = false)", [str(path)])
            connection.execute(
                "CREATE TABLE frame AS SELECT ? AS x_low, ? AS y_low, ? AS x_high, ? AS y_high, ? AS x_share, ? AS y_share",
                [*ends.ravel().tolist(), *found.share.tolist()],
            )
    parquet.unlink()
