"""``python -m tests.checks.lines [FOLDER]`` lists lines of templates, CSS and JavaScript that are too long."""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
WIDTH = 120
PATTERNS = ("templates/**/*.html", "static/css/*.css", "static/js/*.js")


def problems(root: Path) -> list[str]:
    """Return a line for each line of more than WIDTH characters."""
    return [
        f"{path.relative_to(root)}:{number}: {len(line)} characters, at most {WIDTH}"
        for pattern in PATTERNS
        for path in sorted(root.glob(pattern))
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if len(line) > WIDTH
    ]


if __name__ == "__main__":
    lines = problems(Path(sys.argv[1]).resolve() if len(sys.argv) > 1 else ROOT)
    print("\n".join(lines) or f"No line is longer than {WIDTH} characters.")
    sys.exit(bool(lines))
