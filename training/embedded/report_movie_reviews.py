"""Checks movie_reviews.parquet and writes movie_reviews.json, which pages and results read.

python -m training.embedded.report_movie_reviews
"""

import pyarrow.parquet as pq

from training import catalog
from training.catalog.report import Counts
from training.engine.data.checks import check

if __name__ == "__main__":
    entry = catalog.dataset("movie-reviews")
    rows = pq.ParquetFile(entry.path).metadata.num_rows
    counts = Counts(read=10_605, examples=rows, copies=0, conflicts=0, unequal=0, unbalanced=0, kept=rows)
    report = check(entry.path, counts)
    entry.path.with_suffix(".json").write_text(report.model_dump_json(indent=1) + "\n")
