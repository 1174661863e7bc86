"""The rows of one source joined to those of another by their ids, by a query that needs little memory."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from training.engine.data.families.example import Row
from training.engine.data.rules import BATCH, spilling
from training.engine.errors import CorruptData

LARGEST = 200_000
"""Largest number of joined rows; of more, those with the smallest hash of their id are taken."""

JOINED = f"""
select "first".*, "second".* exclude ("{{theirs}}") from "first" join "second" on "first"."{{ours}}" = "second"."{{theirs}}"
order by md5("first"."{{ours}}"), "first"."{{ours}}" limit {LARGEST}
"""  # nosec B608 # names are constants of the registry


def joined(first: Sequence[Any], second: Sequence[Any], ours: str, theirs: str, folder: Path) -> Iterator[Row]:
    """Yield rows of the loaded splits ``first`` with the columns of the row of ``second`` whose id is equal.

    ``ours`` and ``theirs`` are the columns of the ids. Raises CorruptData where there is no such column or no such row.
    """
    tables = [pa.concat_tables(part.data.table for part in parts) for parts in (first, second)]
    for table, column in zip(tables, (ours, theirs), strict=True):
        if column not in table.column_names:
            raise CorruptData(f"The source has no column “{column}”. There are: {', '.join(table.column_names)}.")
    with duckdb.connect(config=spilling(folder)) as connection:
        for name, table in zip(("first", "second"), tables, strict=True):
            connection.register(name, table)
        none = True
        for batch in connection.sql(JOINED.format(ours=ours, theirs=theirs)).to_arrow_reader(BATCH):
            none = none and not len(batch)
            yield from batch.to_pylist()
    if none:
        raise CorruptData("No row of the first source has the id of a row of the second.")
