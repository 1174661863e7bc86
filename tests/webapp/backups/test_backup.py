"""A backup has what the database refers to at one moment, and is there when it is complete."""

import json
import os
import signal
import zipfile
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import connection

from tests.factories.artifacts import flip
from tests.factories.damage import damaged
from tests.factories.experiments import finish_all, launched
from training.storage.checksums import SUFFIX, digest
from webapp import uploaded_files
from webapp.backups import tables
from webapp.backups.backup import NotBackedUp, write
from webapp.backups.contents import CHECKSUMS, safe
from webapp.experiments.models import Event, Experiment, Run

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def finished(owner: User) -> Experiment:
    experiment = launched(owner)
    finish_all(experiment)
    return experiment


def lines(backup: Path, label: str) -> list[Any]:
    with zipfile.ZipFile(backup) as packed:
        return [json.loads(line) for line in packed.read(f"tables/{label}.jsonl").decode().splitlines()]


def test_every_row_of_every_model_is_in_a_backup(finished: Experiment, tmp_path: Path) -> None:
    manifest = write(tmp_path / "backup.zip")
    names, *rows = lines(tmp_path / "backup.zip", "experiments.event")
    assert manifest.rows["experiments.event"] == len(rows) == Event.objects.count() > 0
    assert [row[names.index("payload")] for row in rows] == list(Event.objects.order_by("pk").values_list("payload", flat=True))
    assert [row[names.index("at")] for row in rows] == [event.at.isoformat() for event in Event.objects.order_by("pk")]
    managed = {model._meta.label_lower for model in tables.models_of(tables.applied("default")).values()}
    assert set(manifest.rows) == managed
    assert "experiments.run_needs" in managed


def test_every_file_has_its_checksum_and_temporary_ones_are_left_out(finished: Experiment, tmp_path: Path) -> None:
    for name in ("work-1/part", ".hidden"):
        (Path(settings.UPLOADS_DIR) / name).parent.mkdir(parents=True, exist_ok=True)
        (Path(settings.UPLOADS_DIR) / name).write_text("a,b\n")
    with uploaded_files.working(Path(settings.UPLOADS_DIR) / "7") as files:
        files.path.mkdir(parents=True, exist_ok=True)
        (files.path / "upload.csv").write_text("a,b\n")
        files.publish("upload.csv")
    write(tmp_path / "backup.zip")
    with zipfile.ZipFile(tmp_path / "backup.zip") as packed:
        packed.extractall(tmp_path / "unpacked")
    rows = (line.split("  ") for line in (tmp_path / "unpacked" / CHECKSUMS).read_text().splitlines())
    sums = {name: checksum for checksum, name in rows}
    assert {name: digest(tmp_path / "unpacked" / name) for name in sums} == sums
    assert {name.removesuffix(SUFFIX) for name in sums if name.startswith("uploads/")} == {"uploads/7/upload.csv"}
    keys = Run.objects.values_list("key", flat=True)
    assert {f"artifacts/runs/{key}/predictions.parquet" for key in keys} <= set(sums)


def test_rows_that_come_after_the_beginning_are_in_no_backup(finished: Experiment, tmp_path: Path, owner: User) -> None:
    before = Run.objects.count()
    with tables.snapshot(tmp_path) as using:
        launched(owner, data={"split_seed": 9})
        assert Run.objects.count() > before
        assert Run.objects.using(using).count() == before


def test_a_damaged_or_missing_file_of_a_finished_run_is_named_and_nothing_is_left(finished: Experiment, tmp_path: Path) -> None:
    run = Run.objects.earliest("pk")
    file = settings.ARTIFACTS_DIR / "runs" / run.key / "predictions.parquet"
    damaged(file, lambda path: flip(path, 100))
    with pytest.raises(NotBackedUp, match=f"artifacts/runs/{run.key}/predictions.parquet is damaged"):
        write(tmp_path / "backup.zip")
    damaged(file, lambda path: path.unlink(missing_ok=True))
    with pytest.raises(NotBackedUp, match=f"artifacts/runs/{run.key}/predictions.parquet is missing"):
        write(tmp_path / "backup.zip")
    assert list(tmp_path.iterdir()) == []


def test_a_backup_replaces_no_file(tmp_path: Path) -> None:
    (tmp_path / "backup.zip").write_text("of last week")
    with pytest.raises(CommandError, match="exists already"):
        call_command("backup", str(tmp_path / "backup.zip"))
    assert (tmp_path / "backup.zip").read_text() == "of last week"


@pytest.mark.parametrize("phase", ["reading the database", "copying files"])
def test_a_backup_that_is_asked_to_end_leaves_nothing(
    phase: str, finished: Experiment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def end(self: object, reached: str, done: int, total: int) -> None:
        if reached == phase and done:
            os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setattr("webapp.management.progress.Progress.__call__", end)
    before = signal.getsignal(signal.SIGTERM)
    try:
        with pytest.raises(CommandError, match="Stopped"):
            call_command("backup", str(tmp_path / "backup.zip"))
    finally:
        signal.signal(signal.SIGTERM, before)
    assert list(tmp_path.iterdir()) == []
    assert connection.alias == "default"


@pytest.mark.parametrize(
    ("name", "is_safe"),
    [
        ("artifacts/runs/a/run.json", True),
        ("secret-key", True),
        ("tables/auth.user.jsonl", True),
        ("artifacts/../lab.sqlite3", False),
        ("/etc/passwd", False),
        ("logs/web.log", False),
        ("shares/./a", False),
        ("uploads//a", False),
        ("datasets/a\\b", False),
    ],
)
def test_a_backup_has_files_of_its_folders_only(name: str, is_safe: bool) -> None:
    assert safe(name) == is_safe
