"""The records of decisions: one a file, numbered without a gap, and found by title from the index."""

import re

from tests.docs.pages import DOCS, ROOT

FOLDER = DOCS / "decisions"
RECORDS = sorted(FOLDER.glob("[0-9]*.md"))
RECORD = re.compile(r"# (?P<title>.+)\n\nDecided on (?P<date>\d{4}-\d\d-\d\d)\.\n\n(?P<text>\S.*)", re.DOTALL)


def test_records_are_numbered_without_a_gap_and_nowhere_else() -> None:
    assert [record.name[:5] for record in RECORDS] == [f"{number:04d}-" for number in range(1, len(RECORDS) + 1)]
    assert {page.name for page in FOLDER.iterdir()} == {"index.md", *(record.name for record in RECORDS)}
    assert not (ROOT / "DECISIONS.md").exists()


def test_a_record_has_a_title_of_its_own_a_date_and_a_short_text() -> None:
    read = [RECORD.fullmatch(record.read_text()) for record in RECORDS]
    assert [record.name for record, match in zip(RECORDS, read, strict=True) if match is None] == []
    titles = [match["title"] for match in read if match]
    assert len(set(titles)) == len(titles)
    assert [title for title in titles if len(title) > 100 or title.endswith(".")] == []
    assert [match["title"] for match in read if match and len(match["text"]) > 1500] == []


def test_the_index_has_every_record_once_by_its_title_and_date_in_order_of_its_subject() -> None:
    sections = (FOLDER / "index.md").read_text().split("\n## ")[1:]
    rows = [re.findall(r"^\* \[(.+)\]\((.+)\), (\S+)$", section, re.MULTILINE) for section in sections]
    assert [section for section in rows if section != sorted(section, key=lambda row: row[1])] == []
    matches = [(record, RECORD.fullmatch(record.read_text())) for record in RECORDS]
    expected = [(match["title"], record.name, match["date"]) for record, match in matches if match]
    assert sorted((row for section in rows for row in section), key=lambda row: row[1]) == expected
