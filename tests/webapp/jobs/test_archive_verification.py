"""Work on imports of archives: given back by a worker that shuts down, and ended with a sentence by an error."""

from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User

from tests.factories.uploads import files_of
from training.command_output import NOTICE, Notice
from webapp.child_processes import Child
from webapp.experiments import archive_imports
from webapp.experiments.models import ArchiveImport, ImportState
from webapp.jobs import archive_verification


@pytest.fixture
def row(owner: User, tmp_path: Path) -> ArchiveImport:
    (tmp_path / "it.zip").write_bytes(b"nothing")
    archive_imports.receive(owner, tmp_path / "it.zip", "it.zip")
    row = archive_imports.claim_next()
    assert row is not None
    return row


def test_a_worker_that_shuts_down_gives_its_archive_back(
    row: ArchiveImport, shutdown: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def sleep(folder: Path) -> Child[Notice]:
        return Child(["-c", "import time; time.sleep(600)"], NOTICE, tmp_path / "log")

    monkeypatch.setattr(archive_verification, "_start", sleep)
    archive_verification.work(row)
    row.refresh_from_db()
    assert (row.state, row.lease_until) == (ImportState.QUEUED, None)
    assert files_of(row.folder) == {archive_imports.FILE}


def test_work_that_breaks_off_ends_the_import_with_a_sentence(row: ArchiveImport, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(folder: Path) -> Child[Notice]:
        raise FileNotFoundError(2, "No such file or directory")

    monkeypatch.setattr(archive_verification, "_start", broken)
    archive_verification.work(row)
    row.refresh_from_db()
    assert row.state == ImportState.FAILED
    assert row.problems == ["The archive could not be imported. FileNotFoundError: [Errno 2] No such file or directory."]
    assert not files_of(row.folder)


def test_a_verification_that_never_ends_is_stopped_and_not_begun_again(
    row: ArchiveImport, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    settings.IMPORT_SECONDS = 0.3

    def endless(folder: Path) -> Child[Notice]:
        return Child(["-c", "while True: pass"], NOTICE, tmp_path / "log")

    monkeypatch.setattr(archive_verification, "_start", endless)
    archive_verification.work(row)
    row.refresh_from_db()
    assert (row.state, row.problems) == (ImportState.FAILED, [archive_verification.TOO_LONG])
    assert not files_of(row.folder)


def test_a_verification_that_takes_all_memory_ends_alone(
    row: ArchiveImport, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    code = f"import os\ntry: bytearray({settings.ARCHIVE_MEMORY + 2**20})\nexcept MemoryError: os.abort()"

    def greedy(folder: Path) -> Child[Notice]:
        return Child(["-c", code], NOTICE, tmp_path / "log", memory=settings.ARCHIVE_MEMORY)

    monkeypatch.setattr(archive_verification, "_start", greedy)
    archive_verification.work(row)
    row.refresh_from_db()
    assert (row.state, row.problems) == (ImportState.FAILED, [archive_verification.TOO_LARGE])
