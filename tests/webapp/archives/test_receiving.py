"""Uploads of archives by page and API, and imports that the machine interrupts."""

import os
from datetime import timedelta
from pathlib import Path

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone

from tests.webapp.archives.scene import empty, sent, worked
from webapp.accounts.tokens import make_token
from webapp.experiments import archive_imports
from webapp.experiments.models import ArchiveImport, Experiment, ImportState

pytestmark = pytest.mark.filterwarnings("ignore:StreamingHttpResponse must consume")  # the test client is synchronous


def test_the_page_and_the_api_offer_and_take_the_same_file(archive: Path, client: Client, owner: User) -> None:
    [experiment] = Experiment.objects.all()
    client.force_login(owner)
    assert f"/experiments/{experiment.pk}/archive/" in client.get(f"/experiments/{experiment.pk}/").content.decode()
    page = b"".join(client.get(f"/experiments/{experiment.pk}/archive/"))
    api = Client(headers={"authorization": f"Bearer {make_token(owner)}"})
    assert b"".join(api.get(f"/api/v1/experiments/{experiment.pk}/archive")) == page == archive.read_bytes()
    grace = empty()
    client.force_login(grace)
    answer = client.post("/experiments/import/", {"file": SimpleUploadedFile("it.zip", page)})
    assert answer.status_code == 302
    assert "It waits for the worker" in client.get(answer["location"]).content.decode()
    assert worked().state == ImportState.DONE
    shown_at = client.get(answer["location"])
    assert shown_at["location"] == f"/experiments/{Experiment.objects.get().pk}/"
    assert "Trained elsewhere" in client.get(shown_at["location"]).content.decode()
    mine = Client(headers={"authorization": f"Bearer {make_token(grace)}"})
    taken = mine.post("/api/v1/archives", {"file": SimpleUploadedFile("it.zip", page)})
    assert (taken.status_code, taken.json()["state"], taken.json()["experiment"]) == (202, "queued", None)
    worked()
    done = mine.get(f"/api/v1/archives/{taken.json()['id']}").json()
    assert (done["state"], done["experiment"]) == ("done", Experiment.objects.get().pk)
    other = Client(headers={"authorization": f"Bearer {make_token(owner)}"})
    assert other.get(f"/api/v1/archives/{taken.json()['id']}").status_code == 404


def test_what_is_wrong_is_said_on_the_page_and_by_the_api_and_nothing_is_kept(
    client: Client, owner: User, called: list[str]
) -> None:
    client.force_login(owner)
    answer = client.post("/experiments/import/", {"file": SimpleUploadedFile("it.zip", b"nothing")})
    one = worked()
    assert one.state == ImportState.FAILED
    assert not one.folder.exists()
    page = client.get(answer["location"]).content.decode()
    assert "This is no zip file" in page
    assert client.post("/experiments/import/").status_code == 422
    api = Client(headers={"authorization": f"Bearer {make_token(owner)}"})
    told = api.get(f"/api/v1/archives/{one.pk}").json()
    assert told["state"] == "failed"
    assert "This is no zip file" in told["problems"][0]
    assert called == ["webapp.jobs.chores.work"]


def test_an_upload_for_which_the_disk_has_no_room_is_a_sentence_and_leaves_nothing(
    client: Client, owner: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings, "DISK_RESERVE", 2**60)
    client.force_login(owner)
    answer = client.post("/experiments/import/", {"file": SimpleUploadedFile("it.zip", b"nothing")})
    assert answer.status_code == 507
    assert "There is no room for the archive" in answer.content.decode()
    api = Client(headers={"authorization": f"Bearer {make_token(owner)}"})
    refused = api.post("/api/v1/archives", {"file": SimpleUploadedFile("it.zip", b"nothing")})
    assert refused.status_code == 507
    assert "There is no room for the archive" in refused.json()["errors"][0]["message"]
    assert not ArchiveImport.objects.exists()
    assert [path.name for path in settings.UPLOADS_DIR.iterdir() if path.name != ".lock"] == []


def test_a_child_that_needs_more_memory_than_it_may_use_is_a_sentence(archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Twenty million bytes are too few for the interpreter's libraries alone, so that the child ends without a word."""
    monkeypatch.setattr(settings, "ARCHIVE_MEMORY", 20 * 2**20)
    one = sent(User.objects.create_user("grace"), archive)
    assert one.state == ImportState.FAILED
    assert one.problems
    assert not one.folder.exists()


def test_an_import_whose_worker_died_fails_with_a_sentence(owner: User, tmp_path: Path) -> None:
    (tmp_path / "it.zip").write_bytes(b"nothing")
    archive_imports.receive(owner, tmp_path / "it.zip", "it.zip")
    claimed = archive_imports.claim_next()
    assert claimed is not None
    ArchiveImport.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    assert archive_imports.fail_expired() == 1
    claimed.refresh_from_db()
    assert claimed.problems == [archive_imports.LOST]
    assert not claimed.folder.exists()
    with pytest.raises(archive_imports.StaleError):
        archive_imports.tell(claimed.pk, claimed.attempt, None)


def test_what_a_killed_worker_left_of_an_import_goes(owner: User, tmp_path: Path) -> None:
    (tmp_path / "it.zip").write_bytes(b"nothing")
    one = archive_imports.receive(owner, tmp_path / "it.zip", "it.zip")
    os.utime(one.folder, (0, 0))
    archive_imports.sweep()
    assert one.file.exists()
    ArchiveImport.objects.update(state=ImportState.FAILED)
    archive_imports.sweep()
    assert not one.folder.exists()
