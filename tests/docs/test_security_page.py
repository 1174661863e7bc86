"""The page on security names tests that exist for its measures."""

import re

from tests.docs.pages import DOCS, ROOT

PAGE = (DOCS / "explanation" / "security.md").read_text()


def test_every_test_that_holds_a_measure_exists() -> None:
    paths = re.findall(r"`(tests/[\w/.-]+)`", PAGE)
    assert len(paths) > 20
    assert [path for path in paths if not (ROOT / path).exists()] == []


def test_every_row_of_a_threat_names_its_measure_and_a_test() -> None:
    tables = PAGE.split("| threat | measure | test |")[1:]
    rows = [row.strip("| ").split(" | ") for table in tables for row in re.findall(r"^\|.+\|$", table, re.MULTILINE)]
    assert [row for row in rows if not row[0].startswith("---") and (len(row) != 3 or not all(row))] == []
