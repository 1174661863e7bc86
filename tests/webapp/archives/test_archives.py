"""An archive shows the same numbers in another installation, or is refused."""

import json
import os
import shutil
import zipfile
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone

from tests.factories import claims
from tests.factories.archives import bring, empty, sent, shown, train, trained, worked
from tests.factories.experiments import launched
from tests.factories.uploads import files_of
from training.events import RunFailed
from training.storage.archive import Broken, seal
from webapp.accounts.tokens import make_token
from webapp.archives.export import Unfinished, packed
from webapp.artifact_store import artifact_store
from webapp.experiments import archive_imports, results
from webapp.experiments.models import ArchiveImport, Event, Experiment, ImportState, Run, Status
from webapp.leases import StaleAttempt

pytestmark = pytest.mark.filterwarnings("ignore:StreamingHttpResponse must consume")  # the test client is synchronous


@pytest.fixture
def archive(owner: User, tmp_path: Path) -> Path:
    User.objects.filter(pk=owner.pk).update(first_name="Ada", last_name="Lovelace")
    owner.refresh_from_db()
    experiment = trained(owner, seeds=2)
    with packed(experiment, experiment.owner) as file, (tmp_path / "it.zip").open("wb") as copy:
        shutil.copyfileobj(file, copy)
    return tmp_path / "it.zip"


@pytest.fixture
def numbers(archive: Path) -> dict[str, object]:
    """The content of the archived experiment."""
    return shown(Experiment.objects.get())


def changed(archive: Path, change: Callable[[Path], None], sealed: bool = False) -> Path:
    folder = archive.parent / "changed"
    with zipfile.ZipFile(archive) as opened:
        opened.extractall(folder)
    change(folder)
    if sealed:
        seal(folder)
    with zipfile.ZipFile(target := archive.parent / "changed.zip", "w") as made:
        for path in folder.rglob("*"):
            if path.is_file():
                made.write(path, path.relative_to(folder).as_posix())
    return target


def test_an_empty_installation_shows_the_same_numbers(archive: Path, numbers: dict[str, object]) -> None:
    store = artifact_store()
    before = {key: (store.run(key) / "predictions.parquet").read_bytes() for key in Run.objects.values_list("key", flat=True)}
    grace = empty()
    experiment = bring(grace, archive)
    assert shown(experiment) == numbers
    assert experiment.owner == grace
    assert experiment.origin is not None
    assert experiment.origin["owner"] == "Ada Lovelace"
    brought = {run.claimed_key: store.run(run.key) / "predictions.parquet" for run in Run.objects.all()}
    assert {key: path.read_bytes() for key, path in brought.items()} == before


def test_what_is_brought_twice_is_one_experiment(archive: Path) -> None:
    grace = empty()
    assert bring(grace, archive) == bring(grace, archive)
    assert Experiment.objects.count() == 1


def test_runs_that_are_here_already_stay_as_they_are(archive: Path, numbers: dict[str, object]) -> None:
    [here], runs = Experiment.objects.all(), set(Run.objects.values_list("pk", "attempt"))
    brought = bring(User.objects.create_user("grace"), archive)
    assert brought != here
    assert shown(brought) == numbers
    assert set(Run.objects.values_list("pk", "attempt")) == runs


def nothing_came(archive: Path, user: User, *words: str) -> None:
    before = Experiment.objects.count(), Run.objects.count(), Event.objects.count()
    with pytest.raises(Broken) as broken:
        bring(user, archive)
    for word in words:
        assert any(word in problem for problem in broken.value.problems), broken.value.problems
    assert (Experiment.objects.count(), Run.objects.count(), Event.objects.count()) == before


def edit(folder: Path, name: str, change: Callable[[dict[str, object]], None]) -> None:
    [path] = list(folder.rglob(name))[:1]
    document = json.loads(path.read_text())
    change(document)
    path.write_text(json.dumps(document))


def test_a_tampered_file_is_named(archive: Path) -> None:
    grace = empty()

    def tamper(folder: Path) -> None:
        edit(folder, "archive.json", lambda about: about.update(name="Better"))

    nothing_came(changed(archive, tamper), grace, "archive.json is not what it was")
    assert not settings.ARTIFACTS_DIR.exists()


def test_a_better_result_with_fitting_checksums_is_found_out_by_the_predictions(archive: Path) -> None:
    grace = empty()

    def tamper(folder: Path) -> None:
        def better(about: dict[str, object]) -> None:
            about["result"]["groups"][0]["student"]["value"] = 0.99  # type: ignore[index]

        edit(folder, "archive.json", better)

    nothing_came(changed(archive, tamper, sealed=True), grace, "result.groups.0.student.value says 0.99")


def test_a_run_that_is_not_what_its_key_says_is_refused(archive: Path) -> None:
    grace = empty()

    def tamper(folder: Path) -> None:
        edit(folder, "run.json", lambda run: run.update(seed=7))

    nothing_came(changed(archive, tamper, sealed=True), grace, "is another one than its run.json says")


def test_a_method_that_the_students_were_not_trained_with_is_found_out(archive: Path) -> None:
    grace = empty()

    def tamper(folder: Path) -> None:
        def swapped(about: dict[str, object]) -> None:
            about["spec"]["methods"].reverse()  # type: ignore[index]

        edit(folder, "archive.json", swapped)

    nothing_came(
        changed(archive, tamper, sealed=True), grace, "The runs of triplet 1 are not those that the experiment asks for."
    )


def test_predictions_that_are_none_are_refused(archive: Path) -> None:
    grace = empty()

    def tamper(folder: Path) -> None:
        pq.write_table(pa.table({"other": [1]}), sorted(folder.glob("runs/*/predictions.parquet"))[0])

    nothing_came(changed(archive, tamper, sealed=True), grace, "it has other columns than predictions have")


def test_a_missing_run_and_missing_events_are_refused(archive: Path) -> None:
    grace = empty()

    def without_a_run(folder: Path) -> None:
        shutil.rmtree(sorted(folder.glob("runs/*"))[0])

    def without_an_event(folder: Path) -> None:
        path = sorted(folder.glob("runs/*/events.jsonl"))[-1]
        path.write_text("".join(path.read_text().splitlines(keepends=True)[1:]))

    nothing_came(changed(archive, without_a_run, sealed=True), grace, "is missing")
    shutil.rmtree(archive.parent / "changed")
    nothing_came(changed(archive, without_an_event, sealed=True), grace, "number 1 is missing")


@pytest.mark.embedded("a shared store keeps the first of two outcomes")
def test_another_outcome_of_the_same_run_is_refused_and_the_own_one_stays(archive: Path) -> None:
    key = Run.objects.order_by("key")[0].key
    own = artifact_store().run(key) / "predictions.parquet"
    own.write_bytes(b"another outcome")
    nothing_came(archive, User.objects.create_user("grace"), f"Run {key[:12]} has been trained here too, with other predictions.")
    assert own.read_bytes() == b"another outcome"


def test_an_experiment_with_a_failed_run_is_archived_with_its_timeline(owner: User, tmp_path: Path) -> None:
    run = (experiment := launched(owner)).runs.filter(status=Status.QUEUED).order_by("pk")[0]
    claimed = claims.claim(run.pk, "worker@test")
    assert claimed
    claims.append_events(run.pk, claimed.attempt, [RunFailed(error="out of luck", log="the last line")])
    while another := experiment.runs.filter(status=Status.QUEUED).order_by("pk").first():
        train(another)
    results.refresh_result(experiment)
    experiment.refresh_from_db()
    with packed(experiment, experiment.owner) as file:
        (tmp_path / "it.zip").write_bytes(file.read())
    before = shown(experiment)
    brought = bring(empty(), tmp_path / "it.zip")
    assert shown(brought) == before
    assert brought.runs.get(claimed_key=run.key).error == "out of luck"
    assert brought.runs.get(claimed_key=run.key).log == ""


def test_nothing_is_archived_while_it_is_at_work(owner: User) -> None:
    with pytest.raises(Unfinished):
        packed(launched(owner), owner)


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
    api = Client(headers={"authorization": f"Bearer {make_token(grace)}"})
    taken = api.post("/api/v1/archives", {"file": SimpleUploadedFile("it.zip", page)})
    assert (taken.status_code, taken.json()["state"], taken.json()["experiment"]) == (202, "queued", None)
    worked()
    done = api.get(f"/api/v1/archives/{taken.json()['id']}").json()
    assert (done["state"], done["experiment"]) == ("done", Experiment.objects.get().pk)
    other = Client(headers={"authorization": f"Bearer {make_token(owner)}"})
    assert other.get(f"/api/v1/archives/{taken.json()['id']}").status_code == 404


def test_what_is_wrong_is_said_on_the_page_and_by_the_api_and_nothing_is_kept(
    client: Client, owner: User, called: list[str]
) -> None:
    client.force_login(owner)
    answer = client.post("/experiments/import/", {"file": SimpleUploadedFile("it.zip", b"nothing")})
    imported = worked()
    assert imported.state == ImportState.FAILED
    assert not files_of(imported.folder)
    page = client.get(answer["location"]).content.decode()
    assert "This is no zip file" in page
    assert client.post("/experiments/import/").status_code == 422
    api = Client(headers={"authorization": f"Bearer {make_token(owner)}"})
    answer = api.get(f"/api/v1/archives/{imported.pk}").json()
    assert answer["state"] == "failed"
    assert "This is no zip file" in answer["problems"][0]
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
    """Twenty million bytes are too few for the interpreter's libraries alone, so the child ends without a message."""
    monkeypatch.setattr(settings, "ARCHIVE_MEMORY", 20 * 2**20)
    imported = sent(User.objects.create_user("grace"), archive)
    assert (imported.state, files_of(imported.folder)) == (ImportState.FAILED, set())
    assert imported.problems


def test_an_import_whose_worker_died_fails_with_a_sentence(owner: User, tmp_path: Path) -> None:
    (tmp_path / "it.zip").write_bytes(b"nothing")
    archive_imports.receive(owner, tmp_path / "it.zip", "it.zip")
    claimed = archive_imports.claim_next()
    assert claimed is not None
    ArchiveImport.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    assert archive_imports.fail_expired() == 1
    claimed.refresh_from_db()
    assert (claimed.problems, files_of(claimed.folder)) == ([archive_imports.LOST], set())
    with pytest.raises(StaleAttempt):
        archive_imports.report(claimed.pk, claimed.attempt, None)


@pytest.mark.embedded("has its upload in a folder")
def test_what_a_killed_worker_left_of_an_import_goes(owner: User, tmp_path: Path) -> None:
    (tmp_path / "it.zip").write_bytes(b"nothing")
    imported = archive_imports.receive(owner, tmp_path / "it.zip", "it.zip")
    os.utime(imported.folder, (0, 0))
    archive_imports.delete_abandoned()
    assert files_of(imported.folder) == {archive_imports.FILE}
    ArchiveImport.objects.update(state=ImportState.FAILED)
    archive_imports.delete_abandoned()
    assert not files_of(imported.folder)
