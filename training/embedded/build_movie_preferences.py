"""Rebuild movie_preferences.parquet from movie_reviews.parquet: pairs of snippets of which raters preferred one.

python training/embedded/build_movie_preferences.py
"""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

SOURCE = Path(__file__).with_name("movie_reviews.parquet")
TARGET = Path(__file__).with_name("movie_preferences.parquet")

CLEAR = 1.0
"""Pairs whose mean ratings (-4 to 4) differ by less are left out: raters would hardly agree on them."""
SEED = 0


def build(reviews: pa.Table) -> pa.Table:
    """Return random pairs. A snippet is in at most one pair, so no text is on two sides of a split."""
    group, rating = reviews["group"].to_pylist(), reviews["rating"].to_numpy()
    _, distinct = np.unique(group, return_index=True)  # one row of each group of copies
    order = np.random.default_rng(SEED).permutation(distinct)
    first, second = order[0 : len(order) // 2 * 2 : 2], order[1::2]
    clear = np.abs(rating[first] - rating[second]) >= CLEAR
    first, second = first[clear], second[clear]
    number = np.arange(len(first))
    return pa.table(
        {
            "id": pa.array(number, pa.int64()),
            "text": reviews["text"].take(first),
            "text_b": reviews["text"].take(second),
            "label": pa.array((rating[first] > rating[second]).astype(np.int8)),
            "group": pa.array(number, pa.int64()),
        }
    )


if __name__ == "__main__":
    pq.write_table(build(pq.read_table(SOURCE)), TARGET, compression="zstd", use_dictionary=False)
