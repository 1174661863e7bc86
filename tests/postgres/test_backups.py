"""A backup that was made on one database is restored on the other one."""

import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

from tests.databases import Postgres
from tests.factories import backups
from tests.lab import Lab, quick
from webapp.backups.contents import ABOUT

TABLES = "tables/"


def tables(backup: Path) -> dict[str, list[Any]]:
    """The rows of every table of a backup, read, since PostgreSQL stores the fields of a JSON document in an order of its own."""
    with zipfile.ZipFile(backup) as packed:
        names = [name for name in packed.namelist() if name.startswith(TABLES)]
        return {name: [json.loads(line) for line in packed.read(name).decode().splitlines()] for name in names}


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def refuses_what_is_damaged(tmp_path: Path, postgres: Postgres) -> None:
    """Restore a backup that lacks rows: neither the database nor the folder has anything of it afterwards."""
    backups.changed(
        tmp_path / "first.zip",
        tmp_path / "wrong.zip",
        **{ABOUT: lambda text: text.replace('"experiments.run": ', '"experiments.run": 1')},
    )
    lab = Lab(tmp_path / "wrong", DATABASE_URL=postgres.url)
    assert "experiments.run has" in lab.refusal("restore", str(tmp_path / "wrong.zip"))
    assert list((tmp_path / "wrong" / "uploads").iterdir()) == []
    assert not (tmp_path / "wrong" / "artifacts").exists()
    assert postgres.rows("select count(*) from information_schema.tables where table_schema = 'public'") == [(0,)]


@pytest.mark.long
def test_an_experiment_moves_to_postgresql_and_back_with_its_numbers_and_predictions(tmp_path: Path, postgres: Postgres) -> None:
    with Lab(tmp_path / "first") as lab:
        pk = lab.launch(quick(seeds=2))
        before = lab.finished(pk)
        lab.manage("backup", str(tmp_path / "first.zip"))
    refuses_what_is_damaged(tmp_path, postgres)
    moved = Lab(tmp_path / "second", "--workers", "0", DATABASE_URL=postgres.url)
    moved.manage("restore", str(tmp_path / "first.zip"))
    moved.manage("backup", str(tmp_path / "second.zip"))
    back = Lab(tmp_path / "third")
    back.manage("restore", str(tmp_path / "second.zip"))
    back.manage("backup", str(tmp_path / "third.zip"))
    rows = tables(tmp_path / "first.zip")
    assert len(rows[f"{TABLES}experiments.event.jsonl"]) > 20
    assert tables(tmp_path / "second.zip") == rows
    assert tables(tmp_path / "third.zip") == rows
    runs = files(tmp_path / "first" / "artifacts" / "runs")
    assert any(name.endswith("predictions.parquet") for name in runs)
    assert files(tmp_path / "second" / "artifacts" / "runs") == files(tmp_path / "third" / "artifacts" / "runs") == runs
    assert files(tmp_path / "second")["secret-key"] == files(tmp_path / "first")["secret-key"]
    with moved:
        assert moved.experiment(pk) == before
        again = moved.call("POST", "/experiments?launch=true", {**before["spec"], "name": "The same again"})[1]
        assert moved.experiment(again["id"])["runs"] == before["runs"], "the runs of the backup are the runs of a new experiment"
        assert again["id"] > pk
