"""Actions on data sets, archives and attributions, which the light worker completes."""

from pathlib import Path

import pytest
from django.conf import settings
from django.contrib.auth.models import User

from tests.factories.imports import HOW, brought
from tests.factories.uploads import files_of
from tests.webapp.actions.conftest import Logged
from training.catalog.column_mapping import Mapping
from training.catalog.dataset_card import About
from webapp.actions import archives, attributions, datasets
from webapp.attributions import queries
from webapp.experiments.archive_imports import FILE, DiskFull
from webapp.experiments.models import ArchiveImport
from webapp.imports import services
from webapp.imports.models import Import, State

WORK = "webapp.jobs.chores.work"
MAPPING = Mapping.model_validate(HOW)


def test_a_file_is_uploaded_with_a_preview_and_checked_by_the_light_worker(
    owner: User, tmp_path: Path, called: list[str], logged: Logged
) -> None:
    row = brought(owner, tmp_path)
    assert row.preview is not None
    assert called == []
    assert datasets.check(row, MAPPING)
    assert called == [WORK]
    assert row.state == State.QUEUED
    datasets.stop(row, owner)
    row.refresh_from_db()
    assert datasets.restart(row)
    assert called == [WORK, WORK]
    assert [(verb, title) for _, verb, _, title in logged()] == [("uploaded", "notes.csv"), ("stopped", "notes.csv")]


def test_a_file_that_cannot_be_read_leaves_no_import_and_no_entry(owner: User, tmp_path: Path, logged: Logged) -> None:
    with pytest.raises(ValueError, match=r"compressed \(gzip\)"):
        brought(owner, tmp_path, b"\x1f\x8bpacked")
    assert not Import.objects.exists()
    assert logged() == []


def test_a_preview_that_takes_too_long_is_an_error(owner: User, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(datasets, "PREVIEW_SECONDS", 0.01)
    with pytest.raises(ValueError, match="The first rows of the file cannot be read"):
        brought(owner, tmp_path)
    assert not Import.objects.exists()


def test_work_without_a_broker_is_queued_and_says_so(owner: User, tmp_path: Path, no_broker: None) -> None:
    row = brought(owner, tmp_path)
    assert datasets.check(row, MAPPING) is False
    assert datasets.fetch(owner, "boolq")[1] is False
    assert attributions.request(["a" * 64], 7) is False
    assert (Import.objects.filter(state=State.QUEUED).count(), queries.queued()) == (2, 1)


def test_a_data_set_is_not_saved_before_its_checks_and_not_discarded_while_at_work(
    owner: User, tmp_path: Path, called: list[str], logged: Logged
) -> None:
    row = brought(owner, tmp_path)
    services.check(row, MAPPING)
    datasets.discard(row, owner)
    with pytest.raises(ValueError, match="has not been checked"):
        datasets.save(row, About(name="notes"), owner)
    assert [verb for _, verb, _, _ in logged()] == ["uploaded"]


def test_an_archive_is_uploaded_and_verified_by_the_light_worker_if_the_disk_is_not_full(
    owner: User, tmp_path: Path, called: list[str], logged: Logged, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "sent").write_bytes(b"nothing")
    row = archives.upload(owner, tmp_path / "sent", "it.zip")
    assert files_of(row.folder) == {FILE}
    assert called == [WORK]
    monkeypatch.setattr(settings, "DISK_RESERVE", 2**60)
    (tmp_path / "sent").write_bytes(b"nothing")
    with pytest.raises(DiskFull):
        archives.upload(owner, tmp_path / "sent", "it.zip")
    assert ArchiveImport.objects.count() == 1
    assert logged() == [("ada", "uploaded", "archive", "it.zip")]
