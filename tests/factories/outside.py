"""Files of labels that other programs made, for tests of labels from outside."""

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow.parquet as pq

from training import catalog
from training.catalog.outside import About

ABOUT = About(name="elsewhere", source="a script", licence="MIT")


def rows_of(dataset: str) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], list[str]]:
    """Return ids, true labels and texts of a data set, read from its file."""
    table = pq.read_table(catalog.dataset(dataset).path, columns=["id", "label", "text"])
    return table["id"].to_numpy(), table["label"].to_numpy().astype(np.int64), table["text"].to_pylist()


def noisy(dataset: str, seed: int = 0) -> tuple[list[int], list[float]]:
    """Return ids and probabilities that are right for about four of five rows."""
    ids, label, _ = rows_of(dataset)
    rng = np.random.default_rng(seed)
    prob = np.where(rng.random(len(ids)) < 0.8, label, 1 - label) * 0.8 + rng.uniform(0.01, 0.19, len(ids))
    return ids.tolist(), prob.round(4).tolist()


def write_csv(path: Path, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        writer.writerows(rows)
    return path


def labels_file(path: Path, dataset: str, seed: int = 0) -> Path:
    """Write probabilities for every row of the data set."""
    return write_csv(path, ["id", "probability"], zip(*noisy(dataset, seed), strict=True))
