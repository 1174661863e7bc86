"""A damaged artifact is reported, moved aside and trained again, and nothing computes with it."""

from collections.abc import Callable
from pathlib import Path

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.core.management import call_command
from django.test import Client

from tests.factories import claims
from tests.factories.artifacts import trajectory
from tests.factories.damage import damaged
from tests.factories.experiments import finish, finish_all, launched, save_predictions, state_now
from training.storage.archive import verify
from training.storage.checksums import DamagedArtifact, digest
from webapp.actions import artifacts
from webapp.archives.export import write
from webapp.artifact_store import artifact_store
from webapp.experiments import results, services
from webapp.experiments.models import Event, Experiment, Role, Run, Status

pytestmark = pytest.mark.django_db


@pytest.fixture
def done(owner: User) -> Experiment:
    experiment = launched(owner, methods=[{"kind": "naive"}])
    finish_all(experiment)
    for run in experiment.runs.distinct():
        artifact_store().write_trajectory(run.key, trajectory())
    results.refresh_result(experiment)
    experiment.refresh_from_db()
    return experiment


def run_of(experiment: Experiment, role: Role) -> Run:
    return experiment.runs.filter(parts__role=role).distinct().get()


def predictions(run: Run) -> Path:
    return artifact_store().run(run.key) / "predictions.parquet"


def flipped(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 4
    path.write_bytes(content)


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-40])


DAMAGES: dict[str, Callable[[Path], object]] = {
    "a flipped bit": flipped,
    "cut off": cut,
    "gone": Path.unlink,
    "without a checksum": lambda path: path.with_name(f"{path.name}.sha256").unlink(),
    "with a wrong checksum": lambda path: path.with_name(f"{path.name}.sha256").write_text("nonsense"),
}


@pytest.mark.parametrize("how", DAMAGES)
def test_a_result_is_not_computed_from_a_damaged_file_whose_run_is_queued_again(done: Experiment, how: str) -> None:
    weak = run_of(done, Role.WEAK)
    before, result = digest(predictions(weak)), done.result
    damaged(predictions(weak), DAMAGES[how])
    assert weak.pk in results.refresh_result(done)
    done.refresh_from_db()
    weak.refresh_from_db()
    assert (weak.status, weak.accuracy) == (Status.QUEUED, None)
    assert state_now(done) == "running"
    assert done.result is not None
    assert done.result["groups"][0]["state"] == "incomplete", "nothing is said of a triplet whose supervisor is damaged"
    assert weak.key not in done.result_runs
    (event,) = Event.objects.filter(run=weak, payload__kind="damaged")
    assert event.payload["file"] == "predictions.parquet"
    finish(weak)
    results.refresh_result(done)
    done.refresh_from_db()
    assert digest(predictions(weak)) == before
    assert done.result == result
    assert state_now(done) == "finished"


def test_students_that_have_read_their_supervisor_stay_and_those_in_the_queue_wait_for_it(owner: User) -> None:
    experiment = launched(owner, methods=[{"kind": "naive"}, {"kind": "confidence"}])
    weak = run_of(experiment, Role.WEAK)
    finish(weak)
    first, other = experiment.runs.filter(parts__role=Role.STUDENT).distinct().order_by("pk")
    finish(first)
    damaged(predictions(weak), flipped)
    assert artifacts.report_damage(DamagedArtifact(weak.key, "", ""))
    assert [Run.objects.get(pk=pk.pk).status for pk in (weak, first, other)] == [Status.QUEUED, Status.FINISHED, Status.WAITING]
    finish(weak)
    assert Run.objects.get(pk=other.pk).status == Status.QUEUED


def test_a_student_whose_supervisor_is_damaged_waits_for_it_and_does_not_fail(owner: User) -> None:
    experiment = launched(owner, methods=[{"kind": "naive"}])
    weak, student = run_of(experiment, Role.WEAK), run_of(experiment, Role.STUDENT)
    finish(weak)
    claimed = claims.claim(student.pk, "worker@test")
    assert claimed is not None
    damaged(predictions(weak), cut)
    assert artifacts.report_damage(DamagedArtifact(weak.key, "", ""))
    services.lose(student.pk, claimed.attempt, "a file that it reads is damaged", "")
    student.refresh_from_db()
    assert student.status == Status.WAITING
    finish(weak)
    student.refresh_from_db()
    assert student.status == Status.QUEUED


def test_what_is_whole_is_not_trained_again_whoever_says_so(done: Experiment) -> None:
    weak = run_of(done, Role.WEAK)
    assert not artifacts.report_damage(DamagedArtifact(weak.key, "predictions.parquet", "is damaged"))
    assert not artifacts.report_damage(DamagedArtifact("", "features.npy", "is damaged"))
    assert Run.objects.get(pk=weak.pk).status == Status.FINISHED


def test_a_pass_over_all_artifacts_finds_each_damaged_run_once(done: Experiment, capsys: pytest.CaptureFixture[str]) -> None:
    damaged(predictions(run_of(done, Role.WEAK)), flipped)
    damaged(predictions(run_of(done, Role.CEILING)), Path.unlink)
    call_command("verify")
    assert "predictions.parquet of run" in capsys.readouterr().out
    assert done.runs.filter(status=Status.QUEUED).distinct().count() == 2
    call_command("verify")
    assert "Every artifact has its checksum." in capsys.readouterr().out


def test_an_archive_is_not_sealed_over_a_damaged_file(done: Experiment, tmp_path: Path) -> None:
    damaged(predictions(run_of(done, Role.STUDENT)), cut)
    with pytest.raises(DamagedArtifact):
        write(done, tmp_path / "archive")


def test_an_archive_holds_no_checksum_files_of_the_store(done: Experiment, tmp_path: Path) -> None:
    write(done, tmp_path / "archive")
    verify(tmp_path / "archive")
    assert not list((tmp_path / "archive").rglob("*.sha256"))


def test_page_and_api_say_what_is_damaged_and_that_it_is_trained_again(done: Experiment, owner: User, client: Client) -> None:
    client.force_login(owner)
    weak = run_of(done, Role.WEAK)
    damaged(predictions(weak), flipped)
    answer = client.get(f"/experiments/{done.pk}/archive/")
    assert answer.status_code == 409
    assert "is damaged: its content is not what was written. Its run is trained again" in answer.content.decode()
    assert str(settings.ARTIFACTS_DIR) not in answer.content.decode()
    assert Run.objects.get(pk=weak.pk).status == Status.QUEUED
    assert "The file predictions.parquet is damaged" in client.get(f"/experiments/{done.pk}/").content.decode()
    assert "predictions.parquet is damaged" in client.get(f"/runs/{weak.pk}/").content.decode()


def test_a_run_that_is_trained_again_is_never_the_same_run_twice(done: Experiment) -> None:
    """Two readers find the same damage: the second finds a run that is queued, or one that was trained again."""
    weak = run_of(done, Role.WEAK)
    damaged(predictions(weak), flipped)
    assert artifacts.report_damage(DamagedArtifact(weak.key, "", ""))
    assert not artifacts.report_damage(DamagedArtifact(weak.key, "", ""))
    save_predictions(weak, 0.66)
    assert Event.objects.filter(run=weak, payload__kind="damaged").count() == 1
