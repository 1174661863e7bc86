"""The two kinds of files that the explorer reads, made once: the texts of a data set, and three models' answers on a split."""

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
    """Values that all rows of a table share."""

    rows: int
    classes: int
    axes: dict[str, Axis]
    counts: dict[str, list[int]]
    """The number of rows in each bin of each axis."""

    @classmethod
    def read(cls, text: str) -> "About":
        values = json.loads(text)
        axes = {name: Axis(**axis) for name, axis in values["axes"].items()}
        return cls(values["rows"], values["classes"], axes, values["counts"])


@contextmanager
def database(path: Path, memory: str, threads: int) -> Iterator[duckdb.DuckDBPyConnection]:
    """Yield a new database that is moved to ``path`` when the block ends without an error."""
    with atomic(path) as new, _writable(new) as file:
        connection = duckdb.connect(str(file), config={"memory_limit": memory, "threads": threads})
        try:
            yield connection
        finally:
            connection.close()


@contextmanager
def _writable(new: Path) -> Iterator[Path]:
    """Yield a path that DuckDB can write, whose file ends up at ``new``: DuckDB takes a ? even in a folder's name for its end."""
    new.unlink()
    if "?" not in str(new):
        yield new
        return
    with TemporaryDirectory(dir="/tmp") as folder:  # nosec B108 # a new private folder; the path of the usual one may contain a ? too
        file = Path(folder) / new.name
        yield file
        shutil.copyfile(file, new)


def build_texts(source: Path, target: Path, memory: str, threads: int) -> None:
    """Write the texts of ``source``, the Parquet file of a data set. Searches read ``folded``; ``length`` counts words."""
    with pq.ParquetFile(source) as file:
        both = "text_b" in file.schema_arrow.names
    second = "text_b" if both else "NULL::VARCHAR"
    whole = f"concat_ws(' ', text, {second})"
    with database(target, memory, threads) as connection:
        # Compressed it is half as large, and takes twice as long to search and to read fifty texts from.
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
    """Join the predictions of the runs ``keys`` for the examples of ``split`` that all three predict and ``texts`` contains.

    Raises FileNotFoundError for a run that has not finished, ValueError for different gold labels of an example.
    """
    seen = [ordered(store.read_predictions(key).part(split)) for key in keys]
    ids = np.intersect1d(np.intersect1d(seen[0].id, seen[1].id, True), seen[2].id, True)
    seen = [predictions.take(np.searchsorted(predictions.id, ids)) for predictions in seen]
    if any(not np.array_equal(predictions.gold, seen[0].gold) for predictions in seen):
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
    """Return the columns of a table, one entry per example, from the predictions of each seat."""
    first = seen[0]
    columns: dict[str, npt.NDArray[Any]] = {"row": row, "id": first.id, "gold": first.gold, "grp": first.group, "length": length}
    said = {seat: answers(predictions) for seat, predictions in zip(SEATS, seen, strict=True)}
    for seat, answer in said.items():
        columns |= {
            f"{seat}_label": answer.label,
            f"{seat}_conf": answer.confidence,
            f"{seat}_gold": answer.of_gold,
            f"{seat}_prob": answer.prob,
        }
    wrong = {seat: answer.label != first.gold for seat, answer in said.items()}
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
    """Return flip steps by the trajectory of the student's seat; -1 everywhere if it has none."""
    try:
        trajectory = store.read_trajectory(keys[1])
    except FileNotFoundError:
        return np.full(len(seen[0].id), -1)
    at = np.argsort(trajectory.id, kind="stable")
    known = np.minimum(np.searchsorted(trajectory.id[at], seen[0].id), len(at) - 1)
    watched = trajectory.id[at[known]] == seen[0].id
    return flips(trajectory, np.where(watched, at[known], -1), answers(seen[0]).label)
