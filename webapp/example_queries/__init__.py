"""Examples and what three models say of them: predictions and texts in DuckDB; a view in, counts, histograms and rows out."""
