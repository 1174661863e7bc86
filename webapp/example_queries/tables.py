"""The two kinds of files that the explorer reads, made once: the texts of a data set, and what three models say of a split."""

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from training import Store
from training.storage.atomic import atomic
from training.storage.predictions import Predictions
from training.words import folded_sql, length_sql
from webapp.example_queries.answers import answers, flips, shift
from webapp.example_queries.view import RANGES, SEATS

BINS = 20


@dataclass(frozen=True)
class Axis:
    """A dimension that can be brushed: bin ``i`` begins at ``low + i * width``; whole numbers are counted, others measured."""

    low: float
    width: float
    whole: bool = False

    @property
    def high(self) -> float:
        return self.low + BINS * self.width

    def bins(self, values: npt.NDArray[Any]) -> npt.NDArray[np.uint8]:
        return np.clip((values - self.low) // self.width, 0, BINS - 1).astype(np.uint8)


@dataclass(frozen=True)
class About:
    """What is one for all rows of a table."""

    rows: int
    classes: int
    axes: dict[str, Axis]
    counts: dict[str, list[int]]
    """Of each axis: the rows in each bin."""

    @classmethod
    def read(cls, text: str) -> "About":
        told = json.loads(text)
        axes = {name: Axis(**axis) for name, axis in told["axes"].items()}
        return cls(told["rows"], told["classes"], axes, told["counts"])


@contextmanager
def database(path: Path, memory: str, threads: int) -> Iterator[duckdb.DuckDBPyConnection]:
    """A new database that takes its place at ``path`` when the block ends well."""
    with atomic(path) as new, _writable(new) as file:
        connection = duckdb.connect(str(file), config={"memory_limit": memory, "threads": threads})
        try:
            yield connection
        finally:
            connection.close()


@contextmanager
def _writable(new: Path) -> Iterator[Path]:
    """A path where DuckDB can write what is then at ``new``: it takes a ? for the end of a file's name, even in a folder's."""
    new.unlink()
    if "?" not in str(new):
        yield new
        return
    with TemporaryDirectory(dir="/tmp") as folder:  # nosec B108 # a new folder of our own; the usual place may have a ? too
        file = Path(folder) / new.name
        yield file
        shutil.copyfile(file, new)


def build_texts(source: Path, target: Path, memory: str, threads: int) -> None:
    """``source`` is the Parquet file of a data set. ``folded`` is what is searched, ``length`` counts words."""
    with pq.ParquetFile(source) as file:
        both = "text_b" in file.schema_arrow.names
    second = "text_b" if both else "NULL::VARCHAR"
    whole = f"concat_ws(' ', text, {second})"
    with database(target, memory, threads) as connection:
        # Half as large compressed, and then half as fast to search and to read fifty texts from.
        connection.execute("SET force_compression = 'uncompressed'")
        connection.execute(
            f"""CREATE TABLE texts AS
            SELECT row_number() OVER () - 1 AS row, id, text, {second} AS text_b, {folded_sql(whole)} AS folded,
                   {length_sql(whole)}::INTEGER AS length
            FROM (SELECT * FROM read_parquet(?, hive_partitioning = false) ORDER BY id)""",  # nosec B608
            [str(source)],
        )


def build_table(
    store: Store, keys: tuple[str, str, str], split: str, texts: Path, target: Path, memory: str, threads: int
) -> None:
    """Joins what the runs ``keys`` say of the examples of ``split`` that all three have seen, and that ``texts`` holds.

    Raises FileNotFoundError for a run that has not finished, ValueError where they do not agree on an example's gold label.
    """
    seen = [ordered(store.read_predictions(key).part(split)) for key in keys]
    ids = np.intersect1d(np.intersect1d(seen[0].id, seen[1].id, True), seen[2].id, True)
    seen = [one.take(np.searchsorted(one.id, ids)) for one in seen]
    if any(not np.array_equal(one.gold, seen[0].gold) for one in seen):
        raise ValueError("These runs do not agree on the gold labels: they are of different data.")
    with duckdb.connect(str(texts), read_only=True, config={"memory_limit": memory, "threads": threads}) as connection:
        known = connection.execute("SELECT id, row, length FROM texts ORDER BY id").fetchnumpy()
    place = np.searchsorted(known["id"], ids)
    if len(ids) and (place.max() >= len(known["id"]) or not np.array_equal(known["id"][place], ids)):
        raise ValueError("The data set does not hold all examples of these runs.")
    flip = _flips(store, keys, seen) if split == "test" else np.full(len(ids), -1)
    columns, about = columns_of(seen, known["row"][place], known["length"][place], flip)
    parquet = target.with_suffix(".parquet")
    with atomic(parquet) as path:
        pq.write_table(pa.table(columns), path, compression="none")
        with database(target, memory, threads) as connection:
            connection.execute(
                "CREATE TABLE examples AS SELECT * REPLACE (nullif(flip, -1) AS flip) "
                "FROM read_parquet(?, hive_partitioning = false)",
                [str(path)],
            )
            connection.execute("CREATE TABLE about AS SELECT ? AS told", [json.dumps(asdict(about))])
    parquet.unlink()


def ordered(predictions: Predictions) -> Predictions:
    return predictions.take(np.argsort(predictions.id, kind="stable"))


def columns_of(
    seen: list[Predictions], row: npt.NDArray[Any], length: npt.NDArray[Any], flip: npt.NDArray[Any]
) -> tuple[dict[str, npt.NDArray[Any]], About]:
    """The columns of a table, one entry per example, from what each seat says of it."""
    first = seen[0]
    columns: dict[str, npt.NDArray[Any]] = {"row": row, "id": first.id, "gold": first.gold, "grp": first.group, "length": length}
    said = {seat: answers(one) for seat, one in zip(SEATS, seen, strict=True)}
    for seat, one in said.items():
        columns |= {
            f"{seat}_label": one.label,
            f"{seat}_conf": one.confidence,
            f"{seat}_gold": one.of_gold,
            f"{seat}_prob": one.prob,
        }
    wrong = {seat: one.label != first.gold for seat, one in said.items()}
    columns["cell"] = (1 + 4 * wrong["weak"] + 2 * wrong["student"] + wrong["ceiling"]).astype(np.uint8)
    columns["agree"] = said["weak"].label == said["student"].label
    columns["shift"], columns["flip"] = shift(seen[0], seen[1]), flip
    _, group, size = np.unique(first.group, return_inverse=True, return_counts=True)
    columns["shared"], columns["grp_number"] = size[group] > 1, group.astype(np.int32)
    axes = axes_of(length, flip, first.classes)
    counts = {}
    for name, column in RANGES.items():
        columns[f"{name}_bin"] = axes[name].bins(columns[column])
        known = columns[f"{name}_bin"][flip >= 0] if name == "flip" else columns[f"{name}_bin"]
        counts[name] = np.bincount(known, minlength=BINS).tolist()
    return columns, About(len(row), first.classes, axes, counts)


def axes_of(length: npt.NDArray[Any], flip: npt.NDArray[Any], classes: int) -> dict[str, Axis]:
    sure = Axis(1 / classes, (1 - 1 / classes) / BINS)
    longest = float(np.quantile(length, 0.99)) if len(length) else 0
    last = int(flip.max(initial=0))
    return {
        "weak": sure,
        "student": sure,
        "ceiling": sure,
        "shift": Axis(0, 1 / BINS),
        "flip": Axis(0, max(1, -(-last // (BINS - 1))), whole=True),
        "length": Axis(0, max(1, int(longest // BINS) + 1), whole=True),
    }


def _flips(store: Store, keys: tuple[str, str, str], seen: list[Predictions]) -> npt.NDArray[np.int64]:
    """By the trajectory of the student's seat; -1 everywhere where it has none."""
    try:
        trajectory = store.read_trajectory(keys[1])
    except FileNotFoundError:
        return np.full(len(seen[0].id), -1)
    at = np.argsort(trajectory.id, kind="stable")
    known = np.minimum(np.searchsorted(trajectory.id[at], seen[0].id), len(at) - 1)
    watched = trajectory.id[at[known]] == seen[0].id
    return flips(trajectory, np.where(watched, at[known], -1), answers(seen[0]).label)
