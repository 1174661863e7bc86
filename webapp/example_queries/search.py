"""The search for texts: one bit for each text of a data set, shared by all views with the same search."""

from functools import lru_cache
from pathlib import Path

import duckdb
import numpy as np
import numpy.typing as npt

from training.spec import Problem
from training.words import folded_sql
from webapp.example_queries.database import Base, Source
from webapp.example_queries.filters import Where, holds
from webapp.example_queries.refusal import Refused
from webapp.example_queries.view import SEATS, Mode

SEARCHES = 64
"""Searches in memory: each takes 125 KB for a million texts."""


@lru_cache(maxsize=SEARCHES)
def search(base: Base, dataset: Path, fingerprint: str, q: str, mode: Mode) -> bytes:
    """Return a bit for each text of the data set, in its order: 1 where the text matches. Raises Refused."""
    matches = holds(q, mode)
    with base.texts(dataset, fingerprint) as cursor:
        return _hits(cursor, "texts", matches, mode)


@lru_cache(maxsize=SEARCHES)
def search_written(base: Base, source: Source, q: str, mode: Mode) -> bytes:
    """Return the bits of the prompts that match together with their accepted answers and the three written texts. Raises Refused.

    The texts of the three models are searched for the examples of ``source`` alone.
    """
    written = [f"{seat}_text" for seat in SEATS]
    accepted, said = "array_to_string(answers, chr(10))", f"concat_ws(' ', {', '.join(written)})"
    all_texts = f"""(SELECT row, text, {accepted} AS accepted, {", ".join(written)},
                     concat_ws(' ', texts.folded, {folded_sql(said)}) AS folded FROM texts LEFT JOIN examples USING (row))"""  # nosec B608
    with base.open(source) as (cursor, _):
        return _hits(cursor, all_texts, holds(q, mode, ("text", "accepted", *written)), mode)


def _hits(cursor: duckdb.DuckDBPyConnection, texts: str, matches: Where, mode: Mode) -> bytes:
    sql = f"SELECT {matches.all} AS held FROM {texts} ORDER BY row"  # nosec B608 # names are ours, values are parameters
    try:
        held = cursor.execute(sql, matches.parameters).fetchnumpy()["held"]
    except duckdb.Error as error:
        if mode != "regex":
            raise
        reason = str(error).partition("\n")[0].rpartition("Error: ")[2]
        raise Refused(Problem("q", f"This is not a regular expression that can be searched for: {reason}")) from None
    return bits(held)


def bits(held: npt.NDArray[np.bool_]) -> bytes:
    """Return the flags as the bytes of a BIT of DuckDB."""
    return np.packbits(np.asarray(held, bool)).tobytes() or b"\0"
