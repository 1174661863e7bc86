"""The pages of the documentation as the tests read them: blocks of code with the comment that marks them, and commands."""

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
BLOCK = re.compile(r"(?:<!-- ([^>]*) -->\n)?```(\w+)\n(.*?)```", re.DOTALL)


@dataclass(frozen=True)
class Block:
    """A fenced block: ``mark`` is the comment in front of it, as ``run`` or ``file: NAME``."""

    page: str
    mark: str
    language: str
    text: str


def pages() -> list[Path]:
    return [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted(DOCS.rglob("*.md"))]


def blocks(page: Path) -> list[Block]:
    name = str(page.relative_to(ROOT))
    return [Block(name, mark, language, text) for mark, language, text in BLOCK.findall(page.read_text())]


def commands() -> Iterator[tuple[str, list[str]]]:
    """Each command line of the shell blocks of all pages, in words, with its page."""
    for page in pages():
        for block in blocks(page):
            if block.language == "sh":
                for line in re.sub(r"\\\n", " ", block.text).splitlines():
                    if words := shlex.split(line, comments=True):
                        yield block.page, words
