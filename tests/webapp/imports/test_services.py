"""States of imports, and their files."""

from datetime import timedelta
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from tests.factories.imports import NO, YES, brought, queued, work
from tests.factories.uploads import files_of
from training import catalog
from training.catalog.dataset_card import About
from training.command_output import Refused
from training.events import Progress
from webapp.imports import services
from webapp.imports.models import Import, State
from webapp.leases import StaleAttempt


def test_a_file_moves_to_a_folder_of_its_own_and_its_columns_are_known(owner: User, tmp_path: Path) -> None:
    row = brought(owner, tmp_path, name="../../My notes.CSV")
    assert row.state == State.NEW
    assert files_of(row.folder) == {row.upload} == {"upload.csv"}
    assert row.preview is not None
    assert [column.name for column in row.preview.columns] == ["body", "verdict"]
    assert not (tmp_path / "sent").exists()


def test_only_the_attempt_that_holds_the_work_may_tell_of_it(owner: User, tmp_path: Path) -> None:
    queued(owner, tmp_path)
    row = services.claim_next()
    assert row is not None
    assert services.claim_next() is None
    assert services.report(row.pk, row.attempt, Progress(phase="reading", done=5, total=10)) is False
    with pytest.raises(StaleAttempt):
        services.report(row.pk, row.attempt + 1, None)
    services.conclude(row.pk, row.attempt, Refused(error="No."), "")
    with pytest.raises(StaleAttempt):
        services.conclude(row.pk, row.attempt, None, "again")
    row.refresh_from_db()
    assert (row.state, row.error, row.percent) == (State.FAILED, "No.", 50.0)


def test_a_worker_that_gives_no_sign_of_life_is_noticed_and_the_work_can_begin_again(owner: User, tmp_path: Path) -> None:
    queued(owner, tmp_path)
    row = services.claim_next()
    assert row is not None
    assert services.fail_expired() == 0
    Import.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    assert services.fail_expired() == 1
    row.refresh_from_db()
    assert (row.state, row.error) == (State.FAILED, services.LOST)
    services.restart(row)
    assert services.claim_next() is not None


def test_a_queued_import_is_stopped_at_once_and_a_running_import_by_a_request(owner: User, tmp_path: Path) -> None:
    row = queued(owner, tmp_path)
    services.stop(row)
    row.refresh_from_db()
    assert row.state == State.STOPPED
    services.restart(row)
    claimed = services.claim_next()
    assert claimed is not None
    services.stop(claimed)
    assert services.report(claimed.pk, claimed.attempt, None) is True
    services.conclude(claimed.pk, claimed.attempt, None, "")
    row.refresh_from_db()
    assert row.state == State.STOPPED


def test_what_is_saved_is_in_the_library_and_leaves_no_file(owner: User, tmp_path: Path) -> None:
    row = work(queued(owner, tmp_path))
    assert row.state == State.CHECKED, row.error
    card = services.save(row, About(name="notes", licence="CC0"))
    entry = catalog.dataset("notes")
    assert (entry.rows, entry.licence, entry.digest) == (card.rows, "CC0", card.fingerprint)
    assert (row.state, row.shelved) == (State.SAVED, "notes")
    assert not files_of(row.folder)


def test_what_is_not_checked_cannot_be_saved_and_a_taken_name_neither(owner: User, tmp_path: Path) -> None:
    row = queued(owner, tmp_path)
    with pytest.raises(ValueError, match="has not been checked"):
        services.save(row, About(name="notes"))
    services.save(work(row), About(name="notes"))
    other = work(queued(owner, tmp_path, None, classes=[YES, NO]))
    with pytest.raises(ValueError, match="already a data set “notes” with other content"):
        services.save(other, About(name="notes"))
    assert files_of(other.folder)


def test_what_is_discarded_is_gone_with_its_file_unless_it_is_at_work(owner: User, tmp_path: Path) -> None:
    row = queued(owner, tmp_path)
    services.discard(row)
    assert files_of(row.folder)
    services.stop(row)
    row.refresh_from_db()
    folder = row.folder
    services.discard(row)
    assert not files_of(folder)
    assert not Import.objects.exists()


def test_a_registered_data_set_is_fetched_once_at_a_time(owner: User) -> None:
    row, new = services.fetch(owner, "boolq")
    assert new
    assert services.fetch(owner, "boolq") == (row, False)
    with pytest.raises(ValueError, match="Did you mean boolq"):
        services.fetch(owner, "bool")
