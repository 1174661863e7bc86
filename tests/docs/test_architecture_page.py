"""The table that leads from a concept to its file names files that exist, once for each concept."""

import re

from tests.docs.pages import DOCS, ROOT

ROWS = re.findall(r"^\| ([^|*]+) \| (`[^|]+) \|$", (DOCS / "explanation/architecture.md").read_text(), re.MULTILINE)


def test_every_concept_leads_to_files_that_exist() -> None:
    assert len(ROWS) > 50
    files = [name for _, cell in ROWS for name in re.findall(r"`([^`]+)`", cell)]
    assert [name for name in files if not (ROOT / name).exists()] == []


def test_no_concept_stands_there_twice() -> None:
    concepts = [concept for concept, _ in ROWS]
    assert len(concepts) == len(set(concepts))
