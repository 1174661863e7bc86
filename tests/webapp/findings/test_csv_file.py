"""Rows as CSV."""

from webapp.findings.csv_file import as_csv


def test_texts_of_a_file_are_no_formulas() -> None:
    assert as_csv([{"title": "=1+1", "value": -0.5}]).splitlines() == ["title,value", "'=1+1,-0.5"]
