"""Reading of single rows of Parquet files."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from training.storage.columns import row_of, rows_of


@pytest.mark.parametrize("bounds", [True, False])
@pytest.mark.parametrize("ordered", [True, False])
def test_rows_are_found_in_any_row_group_in_the_order_asked_for(tmp_path: Path, ordered: bool, bounds: bool) -> None:
    """``bounds``: the file has the smallest and largest id of each row group."""
    ids = np.random.default_rng(5).permutation(np.arange(0, 200, 2))
    ids = np.sort(ids) if ordered else ids
    path = tmp_path / "rows.parquet"
    pq.write_table(pa.table({"prob": ids / 200, "id": ids}), path, row_group_size=7, write_statistics=bounds)
    rows = rows_of(path, [198, 3, 0, 56, -1, 12, 56])
    assert rows["id"].to_pylist() == [198, 0, 56, 12, 56]
    assert rows["prob"].to_pylist() == [0.99, 0, 0.28, 0.06, 0.28]
    assert row_of(path, 7) is None
