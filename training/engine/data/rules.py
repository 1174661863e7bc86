"""The rules from examples to a data set: no copies, no text with several labels, equal answers, balanced classes, stable ids.

Examples are staged in a file and the rules run in DuckDB, so that a million examples need little memory. The kept examples and
the bytes of the resulting file depend on the examples alone and not on their order.
"""

from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from training.catalog.check_report import Counts
from training.engine.data.families.example import Example
from training.engine.errors import CorruptData
from training.words import identity_sql

LARGEST_CLASS = 1.1
"""Multiple of an equal share above which the largest class causes balancing: all classes are cut to the size of the rarest.

With two classes that is 55% (Burns et al. 2023, appendix A.1).
"""

MEMORY = "512MB"
BATCH, ROW_GROUP = 4_096, 16_384

OnProgress = Callable[[str, int, int], None]
"""Callback for progress: a phase, the amount done, and the total; may raise Stopped."""

STAGED = pa.schema(
    [("text", pa.string()), ("text_b", pa.string()), ("label", pa.int8()), ("name", pa.string()), ("question", pa.string())]
)
SCHEMA = pa.schema([("id", pa.int64()), ("text", pa.string()), ("label", pa.int8()), ("group", pa.int64())])
PAIRS = SCHEMA.insert(2, pa.field("text_b", pa.string()))

STABLE = "(('0x' || substr(sha256(concat_ws(chr(31), {})), 1, 16))::UBIGINT >> 1)::BIGINT"
"""``families.example.stable`` as an expression over the columns of a query."""

ROWS = "read_parquet($staged, file_row_number = true, hive_partitioning = false)"
"""The staged file. Without the option a folder called name=value would become a column."""

HASHED = f"""
create table hashed as select file_row_number as row, label, question,
    -- Signs count, since acceptability may hang on them.
    md5_number({identity_sql("concat_ws(chr(31), text, text_b)")}) as words,
    md5_number(concat_ws(chr(31), name, text, text_b)) as pick,
    {STABLE.format("'answer', question, text, text_b")} as answer,
    {STABLE.format("'balance', $seed, name, text, text_b")} as draw
from {ROWS} where {identity_sql("text")} <> ''
"""  # nosec B608 # names are constants, values are parameters

SINGLE = """
create table single as select arg_min(row, pick) as row, any_value(label) as label, arg_min(question, pick) as question,
    arg_min(answer, pick) as answer, arg_min(draw, pick) as draw
from hashed group by words having min(label) = max(label)
"""

EQUAL = """
create table equal as select row, label, draw from (
    select *, row_number() over (partition by question, label order by answer, row) as place,
        least(count(*) filter (label = 0) over asked, count(*) filter (label = 1) over asked) as most
    from single where question <> '' window asked as (partition by question))
where place <= most union all select row, label, draw from single where question = ''
"""

BALANCED = """
create table balanced as select row from (
    select row, label, row_number() over (partition by label order by draw, row) as place from equal)
where place <= $most
"""

FINAL = f"""
select {STABLE.format("'id', text, text_b, name")} as id, text, text_b, label, {STABLE.format("'group', name")} as "group"
from {ROWS} staged join balanced on staged.file_row_number = balanced.row order by id
"""  # nosec B608 # names are constants, values are parameters


def apply_rules(
    examples: Iterable[Example], target: Path, seed: str, on_progress: OnProgress = lambda *_: None, classes: int = 2
) -> Counts:
    """Write the data set of ``examples`` to the Parquet file ``target``: id, text, label and group (int64), and text_b.

    text_b is for preferences only, and ``examples`` are either all preferences or none. Labels are 0 to ``classes`` - 1. ``seed``
    draws the rows that balancing leaves out. Temporary files are beside ``target``. Raises CorruptData where a class has no rows
    left.
    """
    staged = target.with_name(f"{target.name}.staged")
    try:
        total = _write_rows(examples, staged)
        on_progress("rules", 0, 4)
        with duckdb.connect(config=spilling(target.parent)) as connection:
            return _apply(connection, str(staged), total, target, seed, on_progress, classes)
    finally:
        staged.unlink(missing_ok=True)


def spilling(folder: Path) -> dict[str, Any]:
    """Return the configuration of a connection that needs little memory and spills to ``folder``."""
    return {"memory_limit": MEMORY, "temp_directory": str(folder), "threads": 2, "preserve_insertion_order": False}


def _write_rows(examples: Iterable[Example], path: Path) -> int:
    total, stream = 0, iter(examples)
    with pq.ParquetWriter(path, STAGED, compression="lz4") as writer:
        while batch := list(islice(stream, BATCH)):
            total += len(batch)
            rows = (
                (example.text, example.text_b or None, int(example.label), example.group, example.question) for example in batch
            )
            columns = zip(*rows, strict=True)
            writer.write_batch(
                pa.record_batch(
                    [pa.array(column, kind) for column, kind in zip(columns, STAGED.types, strict=True)], schema=STAGED
                )
            )
    return total


def _apply(connection: Any, staged: str, total: int, target: Path, seed: str, on_progress: OnProgress, classes: int) -> Counts:
    def number(query: str, **parameters: str) -> int:
        return int(connection.execute(query, parameters).fetchall()[0][0])

    connection.execute(HASHED, {"staged": staged, "seed": seed})
    on_progress("rules", 1, 4)
    connection.execute(SINGLE)
    conflicts = number(
        "select coalesce(sum(n), 0) from (select count(*) n from hashed group by words having min(label) <> max(label))"
    )
    single = number("select count(*) from single")
    on_progress("rules", 2, 4)
    connection.execute(EQUAL)
    sizes = [number(f"select count(*) from equal where label = {label}") for label in range(classes)]  # nosec B608
    if not all(sizes):
        left = [f"{size:,} of class {label}" for label, size in enumerate(sizes)]
        needed = "both classes are needed" if classes == 2 else "all classes are needed"
        raise CorruptData(f"Of {total:,} examples {', '.join(left[:-1])} and {left[-1]} are left: {needed}.")
    unbalanced = max(sizes) > LARGEST_CLASS / classes * sum(sizes)
    connection.execute(BALANCED, {"most": min(sizes) if unbalanced else max(sizes)})
    remaining = number("select count(*) from balanced")
    on_progress("rules", 3, 4)
    schema = PAIRS if number(f"select count(text_b) from {ROWS}", staged=staged) else SCHEMA  # nosec B608
    write_groups(connection.sql(FINAL, params={"staged": staged}).to_arrow_reader(BATCH), schema, target)
    on_progress("rules", 4, 4)
    return Counts(
        read=0,
        examples=total,
        copies=total - conflicts - single,
        conflicts=conflicts,
        unequal=single - sum(sizes),
        unbalanced=sum(sizes) - remaining,
        kept=remaining,
    )


def write_groups(batches: Any, schema: pa.Schema, target: Path) -> None:
    """Write the batches in row groups of equal size, so that equal data sets are equal files."""
    with pq.ParquetWriter(target, schema, compression="zstd") as writer:
        for table in _regrouped(batches, schema):
            writer.write_table(table, row_group_size=ROW_GROUP)


def _regrouped(batches: Any, schema: pa.Schema) -> Iterator[pa.Table]:
    waiting = schema.empty_table()
    for batch in batches:
        waiting = pa.concat_tables([waiting, pa.table(batch).select(schema.names).cast(schema)])
        while len(waiting) >= ROW_GROUP:
            yield waiting.slice(0, ROW_GROUP).combine_chunks()
            waiting = waiting.slice(ROW_GROUP)
    if len(waiting):
        yield waiting.combine_chunks()
