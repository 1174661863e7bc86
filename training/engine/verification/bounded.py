"""Bounded reading of untrusted Parquet files: only with the expected columns, and only if they fit into memory."""

import json
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from training.catalog.datasets import MOST_CLASSES
from training.engine.errors import EngineError
from training.storage.archive import RESULT_FILES, size
from training.storage.artifacts import Store
from training.storage.predictions import Predictions, Trajectory
from training.storage.probabilities import axes_of, label_type

MOST_BYTES = 2**29
"""Largest size of a file in memory."""
MOST_EVALUATIONS = 10_000
SPLITS = ("test", "transfer", "locked", "own")
TRAJECTORY, PREDICTIONS = RESULT_FILES


class Unreadable(EngineError):
    """The file has another format, or is too large in memory; the message is the end of a sentence."""


def predictions_of(store: Store, key: str) -> Predictions:
    """Return a run's predictions, with valid types and lengths. Raises Unreadable, OSError, pa.ArrowException."""
    path = store.run(key) / PREDICTIONS
    with pq.ParquetFile(path) as file:
        columns = {field.name: field.type for field in file.schema_arrow}
        prob = columns.pop("prob", None)
        classes = 1 if prob in (None, pa.float32()) else _sizes(prob, 1)[0]
        if not 1 <= classes <= MOST_CLASSES or classes == 2:
            raise Unreadable(f"its probabilities are of {classes} classes")
        gold = pa.from_numpy_dtype(label_type(classes))
        if prob is None or columns != {"id": pa.int64(), "group": pa.int64(), "gold": gold, "split": pa.string()}:
            raise Unreadable("it has other columns than predictions have")
        check_fits(file, 40 + 4 * classes)
    with pq.ParquetFile(path, read_dictionary=["split"]) as file:
        check_splits(file)
    predictions = store.read_predictions(key)
    if [pa.from_numpy_dtype(array.dtype) for array in (predictions.id, predictions.group, predictions.gold)] != [
        pa.int64(),
        pa.int64(),
        gold,
    ]:
        raise Unreadable("a value is missing")
    if len(np.unique(predictions.id)) < len(predictions.id):
        raise Unreadable("an example is there twice")
    if not _probabilities(predictions.prob) or (
        len(predictions.gold) and not 0 <= predictions.gold.min() <= predictions.gold.max() < predictions.classes
    ):
        raise Unreadable("a probability is not between 0 and 1, or a label is of no class")
    return predictions


def trajectory_of(store: Store, key: str, classes: int) -> Trajectory:
    """Return a run's trajectory of ``classes`` classes, of this or an earlier version. Raises as ``predictions_of``."""
    path = store.run(key) / TRAJECTORY
    with pq.ParquetFile(path) as file:
        columns = {field.name: field.type for field in file.schema_arrow}
        labelled = "label" in columns
        axes = () if labelled else axes_of(classes)
        shape = _sizes(columns.get("prob", pa.null()), 1 + len(axes))
        expected = {"id": pa.int64(), "prob": columns.get("prob")}
        if labelled and classes > 2:
            expected["label"] = pa.list_(pa.field("item", pa.from_numpy_dtype(label_type(classes))), shape[0])
        if columns != expected or shape[1:] != list(axes):
            raise Unreadable("it has other columns than a trajectory has")
        check_fits(file, 8 + 8 * int(np.prod(shape)))
        about = json.loads((file.schema_arrow.metadata or {}).get(b"trajectory", b"null"))
    if not isinstance(about, dict) or not valid_steps(about.get("steps"), about.get("validation"), shape[0]):
        raise Unreadable("it does not say which steps its evaluations are of")
    trajectory = store.read_trajectory(key)
    if (
        trajectory.selected not in trajectory.steps
        or len(np.unique(trajectory.id)) < len(trajectory.id)
        or not _probabilities(trajectory.prob)
        or (trajectory.labels is not None and not np.isin(trajectory.labels, np.arange(classes)).all())
    ):
        raise Unreadable(
            "an example is there twice, a probability is not between 0 and 1, a label is of no class, or the selected step was "
            "not evaluated"
        )
    return trajectory


def table(path: Path) -> pa.Table:
    """Return the table of a file that was checked."""
    with pq.ParquetFile(path) as file:
        return file.read()


def valid_steps(steps: object, validation: object, evaluations: int) -> bool:
    return (
        isinstance(steps, list)
        and isinstance(validation, list)
        and len(steps) == len(validation) == evaluations
        and all(type(step) is int and 0 <= step < 2**53 for step in steps)
        and all(type(score) in (int, float) for score in validation)
        and steps == sorted(set(steps))
    )


def _sizes(type_: pa.DataType, deep: int) -> list[int]:
    """Return the sizes of ``deep`` nested fixed-size lists around single floats. Raises Unreadable."""
    sizes = []
    while pa.types.is_fixed_size_list(type_):
        sizes.append(type_.list_size)
        type_ = type_.value_type
    most = [MOST_EVALUATIONS, MOST_CLASSES] if deep == 2 else [MOST_EVALUATIONS]
    if (
        type_ != pa.float32()
        or len(sizes) != deep
        or any(not 0 < count <= limit for count, limit in zip(sizes, most, strict=True))
    ):
        raise Unreadable("its probabilities are of another type")
    return sizes


def check_fits(file: pq.ParquetFile, row: int) -> None:
    """Raise Unreadable where the file needs too much memory, by its rows of ``row`` bytes or by its own metadata."""
    meta = file.metadata
    groups = [meta.row_group(index) for index in range(meta.num_row_groups)]
    needed = max(meta.num_rows * row, sum(group.total_byte_size for group in groups))
    if needed > MOST_BYTES:
        raise Unreadable(f"it needs {size(needed)} of memory to be read, and may need at most {size(MOST_BYTES)}")
    if sum(group.num_rows for group in groups) != meta.num_rows:
        raise Unreadable("its parts have another number of rows than it says")


def check_splits(file: pq.ParquetFile) -> None:
    """Raise Unreadable where the column has words other than SPLITS; in memory each occurs once."""
    for batch in file.iter_batches(columns=["split"]):
        column = batch.column(0)
        words = column.dictionary if pa.types.is_dictionary(column.type) else column.unique()
        if len(words) > len(SPLITS) or not set(words.to_pylist()) <= set(SPLITS) or column.null_count:
            raise Unreadable(f"the parts of its test data are others than {', '.join(SPLITS)}")


def _probabilities(prob: npt.NDArray[np.float32]) -> bool:
    return not prob.size or bool(np.isfinite(prob).all() and prob.min() >= 0 and prob.max() <= 1 + 1e-6)
