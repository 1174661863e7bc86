"""A share keeps what was frozen, whatever becomes of its experiment."""

import hashlib
import os
import shutil
import time
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth.models import User

from tests.factories.damage import damaged
from tests.factories.experiments import launched
from tests.factories.explored_experiments import explored
from tests.factories.shares import CHOICES, frozen
from training.storage.archive import CHECKSUMS, read, verify
from webapp.archives.export import Unfinished
from webapp.artifact_store import shares_folder
from webapp.audit.models import Entry
from webapp.experiments.models import Experiment
from webapp.shares import services
from webapp.shares.freezing import ABANDONED_SECONDS, ARCHIVE, CARD, MADE, MAKING, OFFLINE, PAPER, PRINTED, Written, freeze
from webapp.shares.frozen import Damaged, Frozen
from webapp.shares.models import Share

pytestmark = pytest.mark.django_db


def test_a_version_is_a_folder_named_by_the_hash_of_its_checksums(owner: User) -> None:
    content = freeze(explored(owner), CHOICES, owner).content
    folder = shares_folder() / content
    assert verify(folder) == content == hashlib.sha256((folder / CHECKSUMS).read_bytes()).hexdigest()
    assert {path.name for path in folder.iterdir()} == {ARCHIVE, CHECKSUMS, PAPER, *MADE}
    assert [path.name for path in shares_folder().iterdir()] == [content]


def test_a_version_has_the_page_as_a_file_as_a_pdf_and_as_a_picture(owner: User, pressed: None) -> None:
    version = Frozen(freeze(explored(owner), CHOICES, owner).content)
    assert version.read(OFFLINE).startswith(b"<!DOCTYPE html>")
    assert version.read(PRINTED).startswith(b"%PDF-")
    assert version.read(CARD).startswith(b"\x89PNG\r\n")


def test_the_page_names_the_archive_that_lies_beside_it(owner: User) -> None:
    version = Frozen(freeze(explored(owner), CHOICES, owner, number=3).content)
    assert verify(version.folder / ARCHIVE) == version.paper.archive
    assert read(version.folder / ARCHIVE).number == version.paper.experiment
    assert (version.paper.version, version.paper.live, version.paper.content) == (3, False, version.content)


def test_what_is_at_work_cannot_be_frozen_and_leaves_nothing(owner: User) -> None:
    with pytest.raises(Unfinished):
        freeze(launched(owner), CHOICES, owner)
    assert list(shares_folder().iterdir()) == []


def test_what_a_killed_process_left_is_swept_away_and_what_is_being_made_is_not(owner: User) -> None:
    left, new = shares_folder() / f"{MAKING}old", shares_folder() / f"{MAKING}new"
    for folder in (left, new):
        folder.mkdir(parents=True)
    yesterday = time.time() - ABANDONED_SECONDS - 60
    os.utime(left, (yesterday, yesterday))
    with pytest.raises(Unfinished):
        freeze(launched(owner), CHOICES, owner)
    assert list(shares_folder().iterdir()) == [new]


def test_a_launch_while_it_is_being_written_is_noticed(owner: User) -> None:
    experiment = explored(owner)
    stale = Experiment.objects.get(pk=experiment.pk)
    Experiment.objects.filter(pk=experiment.pk).update(result_runs=["another"])
    with pytest.raises(Unfinished, match="launched again meanwhile"):
        freeze(stale, CHOICES, owner)


def test_a_new_version_stands_beside_the_old_one(owner: User) -> None:
    share = frozen(owner)
    first = share.versions.get()
    services.renew(share, CHOICES.model_copy(update={"title": "Later"}), owner)
    assert [(version.number, Frozen(version.content).paper.title) for version in share.versions.all()] == [
        (2, "Later"),
        (1, CHOICES.title),
    ]
    assert share.versions.get(number=1).content == first.content
    assert Share.objects.get(pk=share.pk).title == "Later"


def test_two_who_freeze_at_once_do_not_make_the_same_version(owner: User, monkeypatch: pytest.MonkeyPatch) -> None:
    share = frozen(owner)

    def overtaken(*args: Any) -> Written:
        monkeypatch.setattr(services, "freeze", freeze)
        services.renew(share, CHOICES, owner)
        return freeze(*args)

    monkeypatch.setattr(services, "freeze", overtaken)
    with pytest.raises(services.Taken, match="version 2"):
        services.renew(share, CHOICES, owner)
    assert share.versions.count() == 2


def test_a_share_outlives_its_experiment_and_gets_no_new_version_then(owner: User) -> None:
    share = frozen(owner)
    assert share.experiment
    share.experiment.delete()
    share = Share.objects.get(pk=share.pk)
    assert share.experiment is None
    assert Frozen(share.versions.get().content).paper.title == CHOICES.title
    with pytest.raises(ValueError, match="deleted"):
        services.renew(share, CHOICES, owner)


def test_what_is_frozen_does_not_change_when_the_artifacts_do(owner: User) -> None:
    share = frozen(owner)
    for path in list((settings.ARTIFACTS_DIR / "runs").rglob("*.parquet")):
        path.with_suffix(".new").write_bytes(b"retrained")
        path.with_suffix(".new").replace(path)
    content = share.versions.get().content
    assert verify(shares_folder() / content) == content
    shutil.rmtree(settings.ARTIFACTS_DIR / "runs")
    assert verify(shares_folder() / content) == content


@pytest.mark.parametrize("name", [PAPER, CHECKSUMS])
def test_a_file_that_is_not_what_was_frozen_is_refused(owner: User, name: str) -> None:
    folder = shares_folder() / freeze(explored(owner), CHOICES, owner).content
    damaged(folder / name, lambda path: path.write_text(path.read_text().replace("a", "b", 1)))
    with pytest.raises(Damaged, match=f"{name} is not what was frozen"):
        Frozen(folder.name).read(PAPER)
    damaged(folder / name, lambda path: path.unlink(missing_ok=True))
    with pytest.raises(Damaged, match=f"{name} of this version is missing"):
        Frozen(folder.name).read(PAPER)


def test_a_live_share_has_no_version_and_its_choices_can_change(owner: User) -> None:
    share = services.share_live(explored(owner), CHOICES, owner)
    assert services.renew(share, CHOICES.model_copy(update={"curves": False}), owner) is None
    assert Share.objects.get(pk=share.pk).choices["curves"] is False
    assert not share.versions.exists()


def test_the_audit_log_says_who_shared_what(owner: User) -> None:
    share = frozen(owner)
    entry = Entry.objects.get(about="share")
    assert (entry.name, entry.verb, entry.key, entry.title) == ("ada", "shared", share.slug, CHOICES.title)
    assert entry.details["content"] == share.versions.get().content
