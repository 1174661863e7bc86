"""Where runs keep what they make: names and atomic writes under one root folder. Read by the web, written by the engine."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq


@dataclass(frozen=True)
class Predictions:
    """What one finished run says of the examples outside its supervisor's half; one entry per example in every array.

    ``prob`` is the probability of class 1; ``split`` is "transfer" (half B, where weak labels are read) or "test"; examples
    with the same ``group`` are near copies or share a question, so they count as one cluster.
    """

    id: npt.NDArray[np.int64]
    split: npt.NDArray[np.str_]
    group: npt.NDArray[np.int64]
    gold: npt.NDArray[np.int8]
    prob: npt.NDArray[np.float32]

    def part(self, split: str) -> "Predictions":
        return self.take(self.split == split)

    def take(self, entries: npt.NDArray[np.int64] | npt.NDArray[np.bool_]) -> "Predictions":
        """The entries at these positions, in their order, or those where a mask is true."""
        return Predictions(**{field.name: getattr(self, field.name)[entries] for field in fields(self)})

    @property
    def label(self) -> npt.NDArray[np.int8]:
        """The hard label: 1 where the probability of class 1 is above one half."""
        return (self.prob > 0.5).astype(np.int8)

    @property
    def right(self) -> npt.NDArray[np.bool_]:
        right: npt.NDArray[np.bool_] = self.label == self.gold
        return right


class Store:
    """The artifacts of all runs under ``root``: ``runs/<key>/`` for each run, ``features/`` and ``tokens/`` shared by all."""

    def __init__(self, root: str | Path) -> None:
        self.root = Path(root)

    def run(self, key: str) -> Path:
        return self.root / "runs" / key

    @property
    def features(self) -> Path:
        return self.root / "features"

    @property
    def tokens(self) -> Path:
        """Texts as token ids, shared by all runs with the same data set, tokenizer and longest text."""
        return self.root / "tokens"

    def checkpoint(self, key: str) -> Path:
        """Of a run that has begun and not finished."""
        return self.run(key) / "checkpoint.bin"

    def weights(self, key: str) -> Path:
        """The trained tensors: the head of a probe, the whole of any other model."""
        return self.run(key) / "weights.safetensors"

    def finished(self, key: str) -> bool:
        return (self.run(key) / "predictions.parquet").exists()

    def write_predictions(self, key: str, predictions: Predictions) -> None:
        table = pa.table({field.name: getattr(predictions, field.name) for field in fields(Predictions)})
        with atomic(self.run(key) / "predictions.parquet") as path:
            pq.write_table(table, path, compression="zstd")

    def read_predictions(self, key: str) -> Predictions:
        """Raises FileNotFoundError where the run has not finished."""
        # ParquetFile and not read_table, which imports pyarrow.dataset and with it pandas: 0.3 s.
        with pq.ParquetFile(self.run(key) / "predictions.parquet") as file:
            table = file.read()
        columns = {field.name: table[field.name].to_numpy() for field in fields(Predictions)}
        return Predictions(**columns | {"split": columns["split"].astype(np.str_)})


@contextmanager
def atomic(target: Path) -> Iterator[Path]:
    """A path beside ``target`` that takes its place when the block ends well: readers see all of a file or none of it."""
    target.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    os.close(handle)
    path = Path(name)
    try:
        yield path
        path.replace(target)
    finally:
        path.unlink(missing_ok=True)
