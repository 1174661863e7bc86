"""The pages are written in plain technical English: no noun clause opens a sentence, and no archaic turn is left."""

import re
from pathlib import Path

import pytest

from tests.docs.pages import ROOT, pages

OPENING = re.compile(r"(?:^|[.:;] |\* )((?:What|Which|Who|Whoever|Whatever|Whether|Of) [^.?]*)(?:\.|$)", re.MULTILINE)
TURNS = re.compile(
    r"\b(?:of which|so many|thereof|is told|are told|was told|therein|whereof|heretofore|doth|teaches bag)\b", re.IGNORECASE
)
FIGURES = re.compile(r"\b(?:doorbell|diary|crew|shelf|shelved|shelves|kinship|ballot|outlook)\b", re.IGNORECASE)
GENERATED = ROOT / "docs" / "reference"
"""Written from docstrings and descriptions, which have their own check."""

WRITTEN = [page for page in pages() if page.parent != GENERATED]


def prose(text: str) -> str:
    """The page without code and addresses, a paragraph a line."""
    text = re.sub(r"```.*?```|<!--.*?-->", "", text, flags=re.DOTALL)
    text = re.sub(r"`[^`\n]*`|\]\([^)]*\)", "", text)
    return re.sub(r"(?<=\S)\n(?=[^\s|*#>-])", " ", text)


@pytest.mark.parametrize("page", WRITTEN, ids=lambda page: str(page.relative_to(ROOT)))
def test_a_page_is_in_plain_english(page: Path) -> None:
    text = prose(page.read_text())
    assert [phrase for pattern in (OPENING, TURNS, FIGURES) for phrase in pattern.findall(text)] == []
