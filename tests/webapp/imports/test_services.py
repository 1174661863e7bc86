"""The record of imports: what may follow what, and what stays on disk."""

from datetime import timedelta
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from tests.factories.imports import NO, YES, brought, queued, work
from training import catalog
from training.catalog.dataset_card import About
from training.command_output import Refused
from training.events import Progress
from webapp.imports import services
from webapp.imports.models import Import, State
from webapp.leases import StaleAttempt


def test_a_file_moves_to_a_folder_of_its_own_and_its_columns_are_known(owner: User, tmp_path: Path) -> None:
    one = brought(owner, tmp_path, name="../../My notes.CSV")
    assert one.state == State.NEW
    assert one.file.name == "upload.csv"
    assert one.file.parent == one.folder
    assert one.preview is not None
    assert [column.name for column in one.preview.columns] == ["body", "verdict"]
    assert not (tmp_path / "sent").exists()


def test_only_the_attempt_that_holds_the_work_may_tell_of_it(owner: User, tmp_path: Path) -> None:
    queued(owner, tmp_path)
    one = services.claim_next()
    assert one is not None
    assert services.claim_next() is None
    assert services.report(one.pk, one.attempt, Progress(phase="reading", done=5, total=10)) is False
    with pytest.raises(StaleAttempt):
        services.report(one.pk, one.attempt + 1, None)
    services.conclude(one.pk, one.attempt, Refused(error="No."), "")
    with pytest.raises(StaleAttempt):
        services.conclude(one.pk, one.attempt, None, "again")
    one.refresh_from_db()
    assert (one.state, one.error, one.percent) == (State.FAILED, "No.", 50.0)


def test_a_worker_that_gives_no_sign_of_life_is_noticed_and_the_work_can_begin_again(owner: User, tmp_path: Path) -> None:
    queued(owner, tmp_path)
    one = services.claim_next()
    assert one is not None
    assert services.fail_expired() == 0
    Import.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    assert services.fail_expired() == 1
    one.refresh_from_db()
    assert (one.state, one.error) == (State.FAILED, services.LOST)
    services.restart(one)
    assert services.claim_next() is not None


def test_what_waits_is_stopped_at_once_and_what_works_is_asked(owner: User, tmp_path: Path) -> None:
    one = queued(owner, tmp_path)
    services.stop(one)
    one.refresh_from_db()
    assert one.state == State.STOPPED
    services.restart(one)
    claimed = services.claim_next()
    assert claimed is not None
    services.stop(claimed)
    assert services.report(claimed.pk, claimed.attempt, None) is True
    services.conclude(claimed.pk, claimed.attempt, None, "")
    one.refresh_from_db()
    assert one.state == State.STOPPED


def test_what_is_saved_is_on_the_shelf_and_leaves_no_file(owner: User, tmp_path: Path) -> None:
    one = work(queued(owner, tmp_path))
    assert one.state == State.CHECKED, one.error
    card = services.save(one, About(name="notes", licence="CC0"))
    entry = catalog.dataset("notes")
    assert (entry.rows, entry.licence, entry.digest) == (card.rows, "CC0", card.fingerprint)
    assert (one.state, one.shelved) == (State.SAVED, "notes")
    assert not one.folder.exists()


def test_what_is_not_checked_cannot_be_saved_and_a_taken_name_neither(owner: User, tmp_path: Path) -> None:
    one = queued(owner, tmp_path)
    with pytest.raises(ValueError, match="has not been checked"):
        services.save(one, About(name="notes"))
    services.save(work(one), About(name="notes"))
    other = work(queued(owner, tmp_path, None, classes=[YES, NO]))
    with pytest.raises(ValueError, match="already a data set “notes” with other content"):
        services.save(other, About(name="notes"))
    assert other.folder.exists()


def test_what_is_discarded_is_gone_with_its_file_unless_it_is_at_work(owner: User, tmp_path: Path) -> None:
    one = queued(owner, tmp_path)
    services.discard(one)
    assert one.folder.exists()
    services.stop(one)
    one.refresh_from_db()
    folder = one.folder
    services.discard(one)
    assert not folder.exists()
    assert not Import.objects.exists()


def test_a_registered_data_set_is_fetched_once_at_a_time(owner: User) -> None:
    one, new = services.fetch(owner, "boolq")
    assert new
    assert services.fetch(owner, "boolq") == (one, False)
    with pytest.raises(ValueError, match="Did you mean boolq"):
        services.fetch(owner, "bool")
