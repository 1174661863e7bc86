"""A figure of speech is found in a name of every language, and in English sentences the vague words may stand."""

from pathlib import Path

import pytest

from tests.checks import identifiers, names
from tests.checks.words import allowed, banned, words

PLANTED = {
    "webapp/jobs.py": ("def wait(crew: int) -> None: ...", "crew"),
    "webapp/door.py": ("", "door"),
    "training/lessons.py": ("class Rows:\n    size = 1\n\n\ndef of() -> None:\n    myLesson = Rows()", "lessons"),
    "training/rows.py": ("for found in range(3): ...", "found"),
    "tests/test_rows.py": ("def test_a_shelf_has_books() -> None: ...", "test_a_shelf_has_books"),
    "templates/page.html": ("{% for one in rows %}{{ one }}{% endfor %}", "one"),
    "templates/list.html": ('<p class="note{% if a == "b" %} c{% endif %} shelf">x</p>', "shelf"),
    "templates/with.html": ("{% with told=report.provenance %}{{ told }}{% endwith %}", "told"),
    "templates/url.html": ("{% url 'runs' as door %}", "door"),
    "static/css/page.css": ("/* no .crew here */\na.diary > b { color: red }", "diary"),
    "static/js/page.js": ('const x = "crew"; // crew\nfunction ringBell() {}', "ringBell"),
    "docs/page.md": ("# One page\n\n## The shelf\n\n```\n# the crew\n```\n", "The shelf"),
}


@pytest.mark.parametrize("place", PLANTED)
def test_a_planted_figure_of_speech_is_found(place: str, tmp_path: Path) -> None:
    text, name = PLANTED[place]
    path = tmp_path / place
    path.parent.mkdir(parents=True)
    path.write_text(text)
    assert f": {name}: not “" in "\n".join(names.problems(tmp_path))


def test_sentences_may_have_vague_words_and_strings_and_comments_any(tmp_path: Path) -> None:
    for folder in ("webapp", "static/js", "static/css", "docs"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "webapp" / "a.py").write_text(
        '"""The crew."""\n\n\ndef test_one_run_is_found() -> None:\n    return "door"  # told'
    )
    (tmp_path / "static" / "js" / "a.js").write_text("const row = `${rows.length} shelf`; // one\nshow(\"door\", 'crew');")
    (tmp_path / "static" / "css" / "a.css").write_text('/* shelf */ a { background: url(door.one); content: ".crew {" }')
    (tmp_path / "docs" / "a.md").write_text("# How one run is found\n\nThe crew.")
    assert names.problems(tmp_path) == []


def test_migrations_and_vendored_files_are_left_alone(tmp_path: Path) -> None:
    for place in ("webapp/jobs/migrations/0001_crew.py", "static/js/vendor/shelf.js"):
        (tmp_path / place).parent.mkdir(parents=True)
        (tmp_path / place).write_text("crew = 1")
    assert names.problems(tmp_path) == []


def test_an_identifier_has_the_words_that_capitals_and_underscores_separate() -> None:
    assert words("HTTPCrewOf_two-doors") == ["http", "crew", "of", "two", "doors"]
    assert set(banned("HTTPCrewOf_two-doors")) == {"crew", "doors"}
    assert set(banned("newcastle_finder")) == set()


def test_an_expression_in_a_template_string_is_read() -> None:
    assert "shelf" in [name for _, name in identifiers.of_script("const a = `x ${shelf.size} y`;")]


def test_every_allowed_name_has_a_reason_and_a_banned_word() -> None:
    lines = Path(names.__file__).with_name("allowed_names.txt").read_text(encoding="utf-8").splitlines()
    entries = [line.split(maxsplit=1) for line in lines if line and not line.startswith("#")]
    assert [entry for entry in entries if len(entry) != 2] == []
    assert [name for name in allowed() if not banned(name.rpartition(":")[2])] == []
