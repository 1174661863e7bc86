"""Temporary files of a killed process are deleted at the next start, and those of a running process stay."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings
from django.contrib.auth.models import User

from tests.factories.imports import brought
from tests.factories.uploads import files_of
from tests.lab import ROOT
from webapp import temporary_files
from webapp.imports import services
from webapp.imports.models import Import, State

RECEIVES = (
    "import os, django; django.setup(); import webapp.asgi, tempfile\n"
    "file = tempfile.NamedTemporaryFile(suffix='.upload'); file.write(b'half of it'); file.flush()\n"
    "print(file.name, flush=True)\n"
    "input()"
)


@pytest.fixture
def receiving() -> Iterator[subprocess.Popen[str]]:
    """A process of the web server with half an upload."""
    environ = os.environ | {"DJANGO_SETTINGS_MODULE": "webapp.settings", "DATA_DIR": str(settings.DATA_DIR)}
    command = [sys.executable, "-c", RECEIVES]
    process = subprocess.Popen(command, cwd=ROOT, env=environ, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    yield process
    process.kill()
    process.wait()


def test_an_upload_whose_server_was_killed_is_deleted_and_not_before(
    receiving: subprocess.Popen[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert receiving.stdout
    upload = Path(receiving.stdout.readline().strip())
    assert Path(settings.UPLOADS_DIR) in upload.parents
    monkeypatch.setattr(temporary_files, "_held", {})
    temporary_files.folder()
    assert upload.read_bytes() == b"half of it"
    receiving.kill()
    receiving.wait()
    temporary_files._held.clear()
    ours = temporary_files.folder()
    assert not upload.parent.exists()
    assert list(Path(settings.UPLOADS_DIR).glob("work-*")) == [ours]


def test_a_number_that_a_restored_database_gives_again_takes_nothing_over_from_before(owner: User, tmp_path: Path) -> None:
    """After a restore the database is older than the folder uploads/."""
    first = Import.objects.create(owner=owner, file_name="old.csv", size=3)
    left = Path(settings.UPLOADS_DIR) / str(first.pk + 1)
    (left / "out").mkdir(parents=True)
    (left / "upload.csv").write_text("somebody else's")
    made = brought(owner, tmp_path)
    assert made.folder == left
    assert files_of(left) == {"upload.csv"}
    assert not (left.exists() and "somebody" in (left / made.upload).read_text())


def test_folders_of_imports_that_the_record_does_not_know_or_that_were_saved_are_deleted(owner: User, tmp_path: Path) -> None:
    stored = brought(owner, tmp_path)
    stray = Path(settings.UPLOADS_DIR) / str(stored.pk + 1)
    stray.mkdir()
    services.clear_strays()
    assert files_of(stored.folder) == {"upload.csv"}
    assert not stray.exists()
    Import.objects.update(state=State.SAVED)
    services.clear_strays()
    assert not files_of(stored.folder)
