"""A command ends with a sentence, and without a stack trace, where the store or the database is away."""

from pathlib import Path

import pytest

from tests.lab import Lab

AWAY = "postgresql://lab:secret@127.0.0.1:9/lab"
"""The address of a database at a port where nothing listens."""


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Lab:
    lab = Lab(tmp_path_factory.mktemp("away") / "lab")
    lab.data_dir.mkdir()
    lab.prepare()
    return lab


@pytest.mark.parametrize("arguments", [("backup", "backup.zip"), ("collect",), ("compact", "--days", "0")])
def test_a_store_that_is_away_is_told(lab: Lab, tmp_path: Path, arguments: tuple[str, ...]) -> None:
    away = Lab(lab.data_dir, ARTIFACTS_URL=(tmp_path / "unmounted").as_uri())
    away.folder = tmp_path
    refusal = away.refusal(*arguments)
    assert refusal.startswith("CommandError: ")
    assert "store" in refusal
    assert "cannot be reached" in refusal
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("arguments", [("collect",), ("token", "admin"), ("verify",)])
def test_a_database_that_is_away_is_told(lab: Lab, tmp_path: Path, arguments: tuple[str, ...]) -> None:
    away = Lab(lab.data_dir, DATABASE_URL=AWAY)
    away.folder = tmp_path
    refusal = away.refusal(*arguments)
    assert refusal.startswith("CommandError: ")
    assert "Connection refused" in refusal
    assert "secret" not in refusal
