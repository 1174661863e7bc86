"""The search for texts: one bit for each text of a data set, shared by all views with the same search."""

from functools import lru_cache
from pathlib import Path

import duckdb
import numpy as np
import numpy.typing as npt

from training.spec import Problem
from webapp.example_queries.database import Base
from webapp.example_queries.filters import holds
from webapp.example_queries.view import Mode

SEARCHES = 64
"""Searches in memory: each takes 125 KB for a million texts."""


class Refused(Exception):
    """The view asks for something that cannot be searched; ``problem`` says what."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.message)
        self.problem = problem


@lru_cache(maxsize=SEARCHES)
def search(base: Base, dataset: Path, fingerprint: str, q: str, mode: Mode) -> bytes:
    """Return a bit for each text of the data set, in its order: 1 where the text matches. Raises Refused."""
    matches = holds(q, mode)
    sql = f"SELECT {matches.all} AS held FROM texts ORDER BY row"  # nosec B608 # names are ours, values are parameters
    with base.texts(dataset, fingerprint) as cursor:
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
