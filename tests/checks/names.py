"""``python -m tests.checks.names [FOLDER]`` lists names that are figures of speech or say nothing, and fails if there are any."""

import sys
from collections.abc import Iterator
from pathlib import Path

from tests.checks.identifiers import READERS, of_file
from tests.checks.words import allowed, banned

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ("training", "webapp", "tests", "templates", "static/css", "static/js", "docs")
LEFT_OUT = {"migrations", "vendor", "__pycache__"}


def files(root: Path) -> Iterator[Path]:
    """Yield the files whose names are checked: no migrations, which are history, and nothing that others wrote."""
    for folder in FOLDERS:
        for path in sorted((root / folder).rglob("*")):
            if path.suffix in READERS and not LEFT_OUT.intersection(path.relative_to(root).parts):
                yield path
    yield from sorted(root.glob("*.md"))


def problems(root: Path) -> list[str]:
    """Return a line for each banned word of a name in the files under ``root``."""
    lines = []
    for path in files(root):
        place = path.relative_to(root).as_posix()
        for number, name in of_file(path):
            if {name, f"{place}:{name}"} & allowed():
                continue
            for word, instead in banned(name, sentence=path.suffix == ".md" or name.startswith("test_")).items():
                lines.append(f"{place}:{number}: {name}: not “{word}” but {instead}")
    return lines


if __name__ == "__main__":
    lines = problems(Path(sys.argv[1]).resolve() if len(sys.argv) > 1 else ROOT)
    print("\n".join(lines) or "No name is a figure of speech.")
    sys.exit(bool(lines))
