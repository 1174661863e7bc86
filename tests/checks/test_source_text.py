"""The checks of source text: each formatter, the width of lines and the spelling fail on a planted fault."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.checks import formatters, lines
from tests.checks.formatters import ROOT

MISSPELT = "rec" + "ieve"
GOOD = {
    "webapp/a.py": "rows = [1, 2]\n",
    "templates/a.html": "<p>\n  {{ a }}\n</p>\n",
    "static/css/a.css": "a {\n  color: red;\n}\n",
    "static/js/a.js": 'const a = "b";\n',
}


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A small project that is formatted, with our settings."""
    for name in ("pyproject.toml", "package.json"):
        shutil.copy(ROOT / name, tmp_path)
    for place, text in GOOD.items():
        (tmp_path / place).parent.mkdir(parents=True)
        (tmp_path / place).write_text(text)
    return tmp_path


def test_each_formatter_fails_on_what_it_would_write_otherwise_and_formats_it(tree: Path) -> None:
    assert formatters.unformatted(tree) == []
    (tree / "webapp" / "a.py").write_text("rows = [1,2]\n")
    (tree / "templates" / "a.html").write_text("<div><p>{{ a }}</p><p>b</p></div>\n")
    (tree / "static" / "css" / "a.css").write_text("a { color: red; background: none }\n")
    assert formatters.unformatted(tree) == ["Python", "templates", "CSS and JavaScript"]
    (tree / "static" / "css" / "a.css").write_text(GOOD["static/css/a.css"])
    (tree / "static" / "js" / "a.js").write_text("const a = 'b'\n")
    assert formatters.unformatted(tree) == ["Python", "templates", "CSS and JavaScript"]
    assert formatters.unformatted(tree, check=False) == []
    assert formatters.unformatted(tree) == []
    assert {place: (tree / place).read_text() for place in ("webapp/a.py", "static/js/a.js")}.items() <= GOOD.items()


@pytest.mark.parametrize("place", ["templates/a.html", "static/css/a.css", "static/js/a.js"])
def test_a_line_of_more_than_120_characters_is_listed(tree: Path, place: str) -> None:
    assert lines.problems(tree) == []
    (tree / place).write_text("é" * 120 + "\n" + "x" * 121 + "\n")
    assert lines.problems(tree) == [f"{place}:2: 121 characters, at most 120"]


@pytest.mark.parametrize("place", ["webapp/a.py", "templates/a.html", "docs/a.md"])
def test_a_spelling_mistake_is_found(tree: Path, place: str) -> None:
    command = [str(Path(sys.executable).with_name("codespell")), "webapp", "templates", "docs"]
    (tree / "docs").mkdir()
    assert subprocess.run(command, cwd=tree, check=False).returncode == 0
    (tree / place).write_text(f"# {MISSPELT} cace\n")
    answer = subprocess.run(command, cwd=tree, check=False, capture_output=True, text=True)
    assert answer.returncode > 0
    assert f"{MISSPELT} ==> receive" in answer.stdout
    assert "cace" not in answer.stdout
