"""From one installation to another that is empty, with the same numbers or not at all."""

import json
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from tests.webapp.cast import launched
from tests.webapp.explorer.scene import explored, finish
from training import Store
from training.archive import Broken, seal
from training.events import RunFailed
from webapp.accounts.tokens import make_token
from webapp.archives.bringing import bring
from webapp.archives.leaving import Unfinished, packed
from webapp.experiments import services
from webapp.experiments.models import Event, Experiment, Run, Status

pytestmark = pytest.mark.filterwarnings("ignore:StreamingHttpResponse must consume")  # the test client is synchronous


@pytest.fixture
def archive(owner: User, tmp_path: Path) -> Path:
    User.objects.filter(pk=owner.pk).update(first_name="Ada", last_name="Lovelace")
    owner.refresh_from_db()
    experiment = explored(owner, seeds=2)
    with packed(experiment, experiment.owner) as file, (tmp_path / "it.zip").open("wb") as copy:
        shutil.copyfileobj(file, copy)
    return tmp_path / "it.zip"


@pytest.fixture
def numbers(archive: Path) -> dict[str, object]:
    """What the archived experiment says."""
    return shown(Experiment.objects.get())


def shown(experiment: Experiment) -> dict[str, object]:
    runs = experiment.parts.order_by("position", "role")
    told = Event.objects.filter(run__in=experiment.runs.all()).order_by("run__key", "seq")
    return {
        "name": experiment.name,
        "spec": experiment.spec,
        "result": experiment.result,
        "triplets": experiment.triplets,
        "ended": experiment.ended_at,
        "parts": [
            (part.role, part.run.key, part.run.status, part.run.accuracy, part.run.seconds, part.run.step) for part in runs
        ],
        "events": [(one.run.key, one.seq, one.attempt, leaving(one.payload), one.at) for one in told.select_related("run")],
    }


def leaving(payload: dict[str, object]) -> dict[str, object]:
    """An event without what an archive leaves out: which worker it was, and the log of a failure."""
    return {name: value for name, value in payload.items() if name not in ("worker", "log")}


def empty() -> User:
    """What a new installation has: nothing but an account."""
    Experiment.objects.all().delete()
    Run.objects.all().delete()
    shutil.rmtree(settings.ARTIFACTS_DIR)
    return User.objects.create_user("grace")


def changed(archive: Path, change: Callable[[Path], None], sealed: bool = False) -> Path:
    folder = archive.parent / "changed"
    with zipfile.ZipFile(archive) as opened:
        opened.extractall(folder)
    change(folder)
    if sealed:
        seal(folder)
    target = archive.parent / "changed.zip"
    with zipfile.ZipFile(target, "w") as made:
        for path in folder.rglob("*"):
            if path.is_file():
                made.write(path, path.relative_to(folder).as_posix())
    return target


def test_an_empty_installation_shows_the_same_numbers(archive: Path, numbers: dict[str, object]) -> None:
    predictions = {key: Store(settings.ARTIFACTS_DIR).run(key) for key in Run.objects.values_list("key", flat=True)}
    before = {key: (folder / "predictions.parquet").read_bytes() for key, folder in predictions.items()}
    grace = empty()
    experiment = bring(grace, archive)
    assert shown(experiment) == numbers
    assert experiment.owner == grace
    assert experiment.origin is not None
    assert experiment.origin["owner"] == "Ada Lovelace"
    assert {key: (folder / "predictions.parquet").read_bytes() for key, folder in predictions.items()} == before


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

    nothing_came(changed(archive, tamper, sealed=True), grace, "The result cannot be computed from the predictions")


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


def test_another_outcome_of_the_same_run_is_refused_and_the_own_one_stays(archive: Path) -> None:
    key = Run.objects.order_by("key")[0].key
    own = Store(settings.ARTIFACTS_DIR).run(key) / "predictions.parquet"
    own.write_bytes(b"another outcome")
    nothing_came(archive, User.objects.create_user("grace"), f"Run {key[:12]} has been trained here too, with other predictions.")
    assert own.read_bytes() == b"another outcome"


def test_a_run_that_has_not_finished_here_is_waited_for(archive: Path) -> None:
    run = Run.objects.order_by("key")[0]
    Run.objects.filter(pk=run.pk).update(status=Status.STOPPED)
    nothing_came(archive, User.objects.create_user("grace"), f"Run {run.key[:12]} exists here and has not finished")


def test_an_experiment_with_a_failed_run_travels_with_its_story(owner: User, tmp_path: Path) -> None:
    experiment = launched(owner)
    run = experiment.runs.filter(status=Status.QUEUED).order_by("pk")[0]
    claimed = services.claim(run.pk, "worker@test")
    assert claimed is not None
    services.append_events(run.pk, claimed.attempt, [RunFailed(error="out of luck", log="the last line")])
    while another := experiment.runs.filter(status=Status.QUEUED).order_by("pk").first():
        finish(another)
    services.refresh_result(experiment)
    experiment.refresh_from_db()
    with packed(experiment, experiment.owner) as file:
        (tmp_path / "it.zip").write_bytes(file.read())
    before = shown(experiment)
    brought = bring(empty(), tmp_path / "it.zip")
    assert shown(brought) == before
    assert brought.runs.get(key=run.key).error == "out of luck"
    assert brought.runs.get(key=run.key).log == ""


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
    assert "Trained elsewhere" in client.get(answer["location"]).content.decode()
    taken = Client(headers={"authorization": f"Bearer {make_token(grace)}"}).post(
        "/api/v1/archives", {"file": SimpleUploadedFile("it.zip", page)}
    )
    assert (taken.status_code, taken.json()["id"]) == (201, Experiment.objects.get().pk)


def test_what_is_wrong_is_said_on_the_page_and_by_the_api(client: Client, owner: User) -> None:
    client.force_login(owner)
    answer = client.post("/experiments/import/", {"file": SimpleUploadedFile("it.zip", b"nothing")})
    assert answer.status_code == 422
    assert "This is no zip file" in answer.content.decode()
    assert client.post("/experiments/import/").status_code == 422
    api = Client(headers={"authorization": f"Bearer {make_token(owner)}"})
    refused = api.post("/api/v1/archives", {"file": SimpleUploadedFile("it.zip", b"nothing")})
    assert refused.status_code == 422
    assert refused.json()["errors"][0]["path"] == "file"
