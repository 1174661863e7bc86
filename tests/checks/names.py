"""``python -m tests.checks.names [FOLDER]`` lists names that are figures of speech or say nothing, and fails if there are any."""

import sys
from collections.abc import Iterator
from pathlib import Path

from .identifiers import READERS, of_file
from .words import FIGURES, VAGUE, allowed, banned

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ("training", "webapp", "tests", "templates", "static/css", "static/js", "docs")
LEFT_OUT = ("migrations", "vendor", "__pycache__")


def files(root: Path) -> Iterator[Path]:
    """Yield the files whose names are checked: no migrations, which are history, and nothing of others."""
    for folder in FOLDERS:
        for path in sorted((root / folder).rglob("*")):
            if path.suffix in READERS and not set(path.relative_to(root).parts) & set(LEFT_OUT):
                yield path
    yield from sorted(root.glob("*.md"))


def problems(root: Path) -> list[str]:
    """Return a line for each banned word of a name in the files under ``root``."""
    known, lines = allowed(), []
    for path in files(root):
        forbidden = FIGURES if path.suffix == ".md" else FIGURES | VAGUE
        for line, name in of_file(path):
            if name not in known and (words := banned(name, forbidden)):
                lines.append(f"{path.relative_to(root)}:{line}: {name}: {', '.join(words)} is no name; see tests/checks/words.py")
    return lines


if __name__ == "__main__":
    lines = problems(Path(sys.argv[1]).resolve() if len(sys.argv) > 1 else ROOT)
    print("\n".join(lines) or "No name is a figure of speech.")
    sys.exit(bool(lines))
