"""A search finds a word however its accents are composed, and lengths and differences know scripts without spaces."""

import re
import unicodedata
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from webapp.example_queries.filters import holds, pattern
from webapp.example_queries.tables import build_texts
from webapp.example_queries.view import View
from webapp.explorer.marked_text import compared

TEXTS = ["Un café noir", unicodedata.normalize("NFD", "Un CAFÉ blanc"), "天地玄黄", "zero\u200bwidth", "ok 👍"]


@pytest.fixture
def texts(tmp_path: Path) -> duckdb.DuckDBPyConnection:
    table = {"id": list(range(len(TEXTS))), "text": TEXTS}
    pq.write_table(pa.table(table), tmp_path / "data.parquet")
    build_texts(tmp_path / "data.parquet", tmp_path / "texts.duckdb", "256MB", 1)
    return duckdb.connect(str(tmp_path / "texts.duckdb"), read_only=True)


@pytest.mark.parametrize(
    ("q", "hits"),
    [
        ("café", [0, 1]),
        ("cafe\u0301", [0, 1]),
        ("地玄", [2]),
        ("zerowidth", [3]),
        ("zero\u200bwidth", [3]),
        ("👍", [4]),
        ("CAFÉ un", [0, 1]),
    ],
)
def test_words_are_found_in_either_composition(texts: duckdb.DuckDBPyConnection, q: str, hits: list[int]) -> None:
    where = holds(q, "words")
    assert texts.execute(f"SELECT id FROM texts WHERE {where.all} ORDER BY id", where.parameters).fetchall() == [
        (number,) for number in hits
    ]


def test_lengths_count_characters_of_scripts_without_spaces(texts: duckdb.DuckDBPyConnection) -> None:
    assert texts.execute("SELECT length FROM texts ORDER BY id").fetchall() == [(3,), (3,), (4,), (1,), (2,)]


@pytest.mark.parametrize("text", TEXTS[:2])
def test_what_was_found_is_marked_in_either_composition(text: str) -> None:
    assert re.search(pattern(View(q="café")), text, re.IGNORECASE)


@pytest.mark.parametrize(
    ("text", "other", "only"),
    [
        ("वह जाती है", "वह जाता है", "जाती"),
        ("天地玄黄", "天地元黄", "玄"),
        ("ok 👍🏽", "ok 👍🏿", "👍🏽"),
        ("x = -1", "x = 1", "-"),
    ],
)
def test_differences_are_whole_words_of_the_script(text: str, other: str, only: str) -> None:
    pieces, _ = compared([(False, text)], [(False, other)])
    assert "".join(piece.text for piece in pieces) == text
    assert [piece.text for piece in pieces if piece.differs] == [only]
