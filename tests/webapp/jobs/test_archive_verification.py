"""Work on imports of archives: given back by a worker that shuts down, and ended with a sentence by an error."""

from pathlib import Path

import pytest
from django.contrib.auth.models import User

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
    def sleep(row: ArchiveImport) -> Child[Notice]:
        return Child(["-c", "import time; time.sleep(600)"], NOTICE, tmp_path / "log")

    monkeypatch.setattr(archive_verification, "_start", sleep)
    archive_verification.work(row)
    row.refresh_from_db()
    assert (row.state, row.lease_until) == (ImportState.QUEUED, None)
    assert row.file.exists()


def test_work_that_breaks_off_ends_the_import_with_a_sentence(row: ArchiveImport, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(row: ArchiveImport) -> Child[Notice]:
        raise FileNotFoundError(2, "No such file or directory")

    monkeypatch.setattr(archive_verification, "_start", broken)
    archive_verification.work(row)
    row.refresh_from_db()
    assert row.state == ImportState.FAILED
    assert row.problems == ["The archive could not be imported. FileNotFoundError: [Errno 2] No such file or directory."]
    assert not row.folder.exists()
