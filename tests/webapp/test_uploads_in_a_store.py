"""Uploads in a store that machines share: a web server takes them, a worker elsewhere checks them, another server saves them."""

import os
from datetime import timedelta
from pathlib import Path

import pytest
from django.conf import settings as configured
from django.contrib.auth.models import User
from django.utils import timezone

from tests.factories.imports import brought, queued, work
from tests.factories.uploads import files_of
from training import catalog
from training.catalog.dataset_card import About
from training.storage.checksums import DamagedArtifact
from training.storage.remote import FolderRemote, StoreUnreachable
from webapp.experiments import archive_imports
from webapp.experiments.models import ArchiveImport, ImportState
from webapp.imports import services
from webapp.imports.models import Import, State
from webapp.jobs import chores, leased_work

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("called", "shared")]


def here() -> list[str]:
    """Return the names of the files of uploads on this machine, without locks."""
    files = (path for path in Path(configured.UPLOADS_DIR).rglob("*") if path.is_file())
    return [path.name for path in files if path.name != ".lock"]


def sent(folder: Path) -> Path:
    (folder / "it.zip").write_bytes(b"nothing")
    return folder / "it.zip"


def test_a_data_set_is_uploaded_checked_and_saved_and_no_machine_keeps_a_copy(owner: User, tmp_path: Path) -> None:
    row = queued(owner, tmp_path)
    assert (files_of(row.folder), here()) == ({"upload.csv"}, [])

    row = work(row)

    assert (row.state, row.error) == (State.CHECKED, "")
    assert (files_of(row.folder), here()) == ({"upload.csv", "out-1/examples.parquet"}, [])
    card = services.save(row, About(name="notes"))
    assert catalog.dataset("notes").digest == card.fingerprint
    assert (files_of(row.folder), here()) == (set(), [])


def test_a_truncated_upload_is_named_and_never_checked(owner: User, tmp_path: Path, shared: Path) -> None:
    row = queued(owner, tmp_path)
    os.truncate(shared / "uploads" / str(row.pk) / "upload.csv", 40)
    row = work(row)
    assert row.state == State.FAILED
    assert "upload.csv is damaged" in row.error


def test_a_truncated_data_set_is_named_and_never_saved(owner: User, tmp_path: Path, shared: Path) -> None:
    row = work(queued(owner, tmp_path))
    os.truncate(shared / "uploads" / str(row.pk) / "out-1" / "examples.parquet", 40)
    with pytest.raises(DamagedArtifact, match=r"examples\.parquet is damaged"):
        services.save(row, About(name="notes"))
    assert catalog.known_dataset("notes") is None


def test_a_second_check_does_not_take_the_data_set_of_the_first(owner: User, tmp_path: Path) -> None:
    row = work(queued(owner, tmp_path))
    services.restart(row)
    row = work(row)
    assert {"out-1/examples.parquet", "out-2/examples.parquet"} < files_of(row.folder)
    assert services.save(row, About(name="notes")).rows == 150
    assert files_of(row.folder) == set()


def test_while_the_store_is_away_nothing_is_taken_and_a_check_can_be_started_again(
    owner: User, tmp_path: Path, shared: Path
) -> None:
    row = queued(owner, tmp_path)
    shared.rename(tmp_path / "away")

    with pytest.raises(StoreUnreachable):
        brought(owner, tmp_path)
    with pytest.raises(StoreUnreachable):
        archive_imports.receive(owner, sent(tmp_path), "it.zip")
    row = work(row)

    assert (Import.objects.count(), ArchiveImport.objects.count(), here()) == (1, 0, [])
    assert (row.state, row.error) == (State.FAILED, f"The work could not be done. {leased_work.STORE_AWAY}")
    (tmp_path / "away").rename(shared)
    services.restart(row)
    assert work(row).state == State.CHECKED


def test_what_is_discarded_while_the_store_is_away_goes_later(owner: User, tmp_path: Path, shared: Path) -> None:
    draft, discarded = brought(owner, tmp_path), brought(owner, tmp_path)
    folder = discarded.folder
    shared.rename(tmp_path / "away")
    assert services.discard(discarded)
    (tmp_path / "away").rename(shared)
    assert files_of(folder)

    services.clear_strays()

    assert (files_of(folder), files_of(draft.folder)) == (set(), {"upload.csv"})


def test_an_archive_is_verified_where_it_was_not_uploaded(owner: User, tmp_path: Path) -> None:
    row = archive_imports.receive(owner, sent(tmp_path), "it.zip")
    assert (files_of(row.folder), here()) == ({archive_imports.FILE}, [])
    chores.work()
    row.refresh_from_db()
    assert "This is no zip file" in row.problems[0]
    assert (files_of(row.folder), here()) == (set(), [])


def test_an_archive_whose_upload_is_killed_is_never_verified_and_its_files_go_after_a_day(
    owner: User, tmp_path: Path, shared: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(remote: FolderRemote, source: Path, name: str) -> None:
        (shared / name).parent.mkdir(parents=True)
        (shared / name).write_text("half")
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(FolderRemote, "upload", killed)
        with pytest.raises(KeyboardInterrupt):
            archive_imports.receive(owner, sent(tmp_path), "it.zip")
    row = ArchiveImport.objects.get()

    assert (row.state, row.problems) == (ImportState.FAILED, [archive_imports.BROKEN_OFF])
    assert archive_imports.claim_next() is None
    archive_imports.clear_strays()
    assert list((shared / "uploads").rglob("*.sha256")), "it may still be uploaded"
    ArchiveImport.objects.update(created_at=timezone.now() - archive_imports.LONGEST_UPLOAD - timedelta(minutes=1))
    archive_imports.clear_strays()
    assert not [path for path in (shared / "uploads").rglob("*") if path.is_file()]
