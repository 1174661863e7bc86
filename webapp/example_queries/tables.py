"""The two kinds of files that the explorer reads, made once: the texts of a data set, and three models' answers on a split."""

import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
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
from training.answers import RESERVED
from training.storage.atomic import atomic
from training.storage.written_answers import Outputs
from training.words import folded_sql, length_sql
from webapp.example_queries.answers import compare, flips, label_of
from webapp.example_queries.axes import BINS, Axis
from webapp.example_queries.kinds import LABELLED, WRITTEN, Kind
from webapp.example_queries.view import RANGES, SEATS

NAMED = b"named"
"""Key in the metadata of a file of texts that are names, where the pixels or features themselves were left out."""


@dataclass(frozen=True)
class About:
    """Values that all rows of a table share; ``classes`` is None for written answers."""

    rows: int
    classes: int | None
    axes: dict[str, Axis]
    counts: dict[str, list[int]]
    """The number of rows in each bin of each axis."""

    @property
    def kind(self) -> Kind:
        return WRITTEN if self.classes is None else LABELLED

    @property
    def worded(self) -> bool:
        """Return whether the examples have words to count: images and rows of features have names alone."""
        return "length" in self.axes

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
    """Write the texts of ``source``, the Parquet file of a data set. Searches read ``folded``; ``length`` counts words.

    Of images and of rows of features the texts are names, and ``length`` is null.
    Of a generative data set ``answers`` are the accepted ones, which are searched too, and ``others`` its further columns.
    """
    with pq.ParquetFile(source) as file:
        schema = file.schema_arrow
    second = "text_b" if "text_b" in schema.names else "NULL::VARCHAR"
    written = "answers" in schema.names
    accepted = "answers" if written else "NULL::VARCHAR[]"
    whole = f"concat_ws(' ', text, {second})"
    with database(target, memory, threads) as connection:
        # Compressed it is half as large, and takes twice as long to search and to read fifty texts from.
        connection.execute("SET force_compression = 'uncompressed'")
        connection.execute(
            f"""CREATE TABLE texts AS
            SELECT row_number() OVER () - 1 AS row, id, text, {second} AS text_b, {accepted} AS answers,
                   {_others(schema) if written else "NULL::MAP(VARCHAR, VARCHAR)"} AS others,
                   {folded_sql(f"concat_ws(' ', {whole}, array_to_string({accepted}, ' '))")} AS folded,
                   {length_sql(whole) if worded(schema) else "NULL"}::INTEGER AS length
            FROM (SELECT * FROM read_parquet(?, hive_partitioning = false) ORDER BY id)""",  # nosec B608
            [str(source)],
        )


def worded(schema: pa.Schema) -> bool:
    """Return whether the examples of a data set with this schema are texts: pixels and features are columns of bytes."""
    if "answers" in schema.names:
        return True
    return NAMED not in (schema.metadata or {}) and not any(
        pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_fixed_size_binary(kind) for kind in schema.types
    )


def _others(schema: pa.Schema) -> str:
    """Return the further columns of a generative data set as an expression: a map from their names to texts."""
    named = [field for field in schema if field.name not in RESERVED]
    texts = [
        f"array_to_string({_named(field.name)}::VARCHAR[], ', ')" if _listed(field.type) else f"{_named(field.name)}::VARCHAR"
        for field in named
    ]
    names = ", ".join("'" + field.name.replace("'", "''") + "'" for field in named)
    return f"MAP([{names}]::VARCHAR[], [{', '.join(texts)}]::VARCHAR[])"


def _listed(kind: pa.DataType) -> bool:
    return bool(pa.types.is_list(kind) or pa.types.is_large_list(kind))


def _named(column: str) -> str:
    return '"' + column.replace('"', '""') + '"'


def build_table(
    store: Store, keys: tuple[str, str, str], split: str, texts: Path, target: Path, memory: str, threads: int
) -> None:
    """Join the outputs of the runs ``keys`` for the examples of ``split`` that all three have and ``texts`` contains.

    Raises FileNotFoundError for a run that has not finished, ValueError for different gold labels or answers of an example.
    """
    seen = [ordered(store.read_outputs(key).part(split)) for key in keys]
    ids = np.intersect1d(np.intersect1d(seen[0].id, seen[1].id, True), seen[2].id, True)
    seen = [outputs.take(np.searchsorted(outputs.id, ids)) for outputs in seen]
    if any(not np.array_equal(outputs.gold, seen[0].gold) for outputs in seen):
        raise ValueError("These runs do not agree on the gold labels: they are of different data.")
    with duckdb.connect(str(texts), read_only=True, config={"memory_limit": memory, "threads": threads}) as connection:
        known = connection.execute("SELECT id, row, coalesce(length, 0) AS length FROM texts ORDER BY id").fetchnumpy()
        counted = connection.execute("SELECT count(length) FROM texts").fetchall()[0][0]
    place = np.searchsorted(known["id"], ids)
    if len(ids) and (place.max() >= len(known["id"]) or not np.array_equal(known["id"][place], ids)):
        raise ValueError("The data set does not hold all examples of these runs.")
    flip = _flips(store, keys, seen) if split == "test" else np.full(len(ids), -1)
    columns, about = columns_of(seen, known["row"][place], known["length"][place] if counted else None, flip)
    parquet = target.with_suffix(".parquet")
    with atomic(parquet) as path:
        pq.write_table(pa.table(columns), path, compression="none")
        with database(target, memory, threads) as connection:
            connection.execute("CREATE TABLE examples AS FROM read_parquet(?, hive_partitioning = false)", [str(path)])
            connection.execute("CREATE TABLE about AS SELECT ? AS told", [json.dumps(asdict(about))])
    parquet.unlink()


def ordered(outputs: Outputs) -> Outputs:
    return outputs.take(np.argsort(outputs.id, kind="stable"))


def columns_of(
    seen: Sequence[Outputs], row: npt.NDArray[Any], length: npt.NDArray[Any] | None, flip: npt.NDArray[Any]
) -> tuple[dict[str, pa.Array], About]:
    """Return the columns of a table, one entry per example, from the outputs of each seat; ``length`` is None without words."""
    first = seen[0]
    compared = compare(seen)
    lengths = np.zeros(len(row), np.int32) if length is None else length
    columns: dict[str, Any] = {"row": row, "id": first.id, "gold": first.gold, "grp": first.group, "length": lengths}
    columns |= compared.columns
    weak, student, ceiling = compared.wrong
    columns["cell"] = (1 + 4 * weak + 2 * student + ceiling).astype(np.uint8)
    columns["agree"], columns["flip"] = compared.agree, flip
    _, group, size = np.unique(first.group, return_inverse=True, return_counts=True)
    columns["shared"], columns["grp_number"] = size[group] > 1, group.astype(np.int32)
    missing = {"flip": flip < 0} | ({"difficulty": np.isnan(columns["difficulty"])} if "difficulty" in columns else {})
    axes = axes_of(columns, compared.classes)
    if length is None:
        del axes["length"]
    counts = {}
    for name, axis in axes.items():
        column = RANGES[name]
        # Examples without a value are in no bin, which is BINS.
        absent = missing.get(column, np.zeros(len(row), bool))
        bins = np.where(absent, BINS, axis.bins(np.where(absent, axis.low, columns[column]))).astype(np.uint8)
        columns[f"{name}_bin"], counts[name] = bins, np.bincount(bins, minlength=BINS + 1)[:BINS].tolist()
    made = {name: pa.array(values, mask=missing.get(name)) for name, values in columns.items()}
    return made, About(len(row), compared.classes, axes, counts)


def axes_of(columns: Mapping[str, npt.NDArray[Any]], classes: int | None) -> dict[str, Axis]:
    """Return the axis of each dimension that the table has."""
    length = columns["length"]
    longest = float(np.quantile(length, 0.99)) if len(length) else 0
    last = int(columns["flip"].max(initial=0))
    return (_axes_of_labels(classes) if classes else _axes_of_answers(columns)) | {
        "flip": Axis(0, max(1, -(-last // (BINS - 1))), whole=True),
        "length": Axis(0, max(1, int(longest // BINS) + 1), whole=True),
    }


def _axes_of_labels(classes: int) -> dict[str, Axis]:
    return dict.fromkeys(SEATS, Axis(1 / classes, (1 - 1 / classes) / BINS)) | {"shift": Axis(0, 1 / BINS)}


def _axes_of_answers(columns: Mapping[str, npt.NDArray[Any]]) -> dict[str, Axis]:
    """One axis for the log-probabilities of the three, up to 0, whose first bin has the least likely hundredth too."""
    logs = np.concatenate([columns[f"{seat}_log"] for seat in SEATS])
    axes = dict.fromkeys(
        (f"{seat}_log" for seat in SEATS), Axis.spanning(float(np.floor(np.quantile(logs, 0.01))) if len(logs) else -1, 0)
    )
    known = columns["difficulty"][~np.isnan(columns["difficulty"])]
    return axes | ({"difficulty": Axis.spanning(float(known.min()), float(known.max()))} if len(known) else {})


def _flips(store: Store, keys: tuple[str, str, str], seen: Sequence[Outputs]) -> npt.NDArray[np.int64]:
    """Return flip steps by the trajectory of the student's seat; -1 everywhere if it has none."""
    try:
        trajectory = store.read_course(keys[1])
    except FileNotFoundError:
        return np.full(len(seen[0].id), -1)
    at = np.argsort(trajectory.id, kind="stable")
    known = np.minimum(np.searchsorted(trajectory.id[at], seen[0].id), len(at) - 1)
    watched = trajectory.id[at[known]] == seen[0].id
    return flips(trajectory, np.where(watched, at[known], -1), label_of(seen[0]))
