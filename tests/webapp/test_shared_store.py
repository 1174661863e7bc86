"""A laboratory whose artifacts are in a store that machines share: this one shows, checks and deletes what others wrote."""

import errno
import os
import shutil
import zipfile
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
from django.conf import settings as configured
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.test import Client

from tests.factories.artifacts import trajectory
from tests.factories.experiments import finish_all, launched
from tests.factories.explored_experiments import explored
from tests.factories.shares import CHOICES
from training.storage.archive import CHECKSUMS, verify
from training.storage.checksums import MISSING, DamagedArtifact
from training.storage.remote import FolderRemote
from webapp import readiness
from webapp.actions import artifacts
from webapp.archives.export import write
from webapp.artifact_store import artifact_store, shares_folder, store_is_reachable
from webapp.backups import files
from webapp.backups.backup import write as back_up
from webapp.experiments import compaction, lifecycle, queries, results, run_logs, services, stored_events, unused_runs
from webapp.experiments.models import Experiment, Run, Status
from webapp.readiness import CHECKS
from webapp.shares.freezing import freeze

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("called", "shared")]


def copies() -> list[str]:
    return [path.name for path in configured.ARTIFACTS_DIR.rglob("*.parquet")]


@pytest.fixture
def experiment(owner: User, shared: Path) -> Experiment:
    """An experiment whose runs another machine has trained."""
    experiment = launched(owner)
    finish_all(experiment)
    for run in experiment.runs.distinct():
        artifact_store().write_trajectory(run.key, trajectory())
    shutil.rmtree(configured.ARTIFACTS_DIR)
    return experiment


def predictions(shared: Path, run: Run) -> Path:
    return shared / "runs" / run.key / "predictions.parquet"


def test_what_another_machine_trained_is_shown_and_handed_out(experiment: Experiment, client: Client, tmp_path: Path) -> None:
    client.force_login(experiment.owner)
    assert copies() == []

    results.refresh_result(experiment)

    experiment.refresh_from_db()
    assert experiment.result
    assert copies().count("predictions.parquet") == experiment.runs.distinct().count()
    assert client.get(f"/experiments/{experiment.pk}/").status_code == 200
    assert client.get(f"/experiments/{experiment.pk}/examples/").status_code == 200
    shutil.rmtree(configured.ARTIFACTS_DIR)
    write(experiment, tmp_path / "archive")
    assert len(list((tmp_path / "archive").rglob("predictions.parquet"))) == experiment.runs.distinct().count()


def test_a_launch_takes_what_another_machine_has_finished(experiment: Experiment, owner: User) -> None:
    again = launched(owner, name="The same again")

    assert {run.status for run in again.runs.all()} == {Status.FINISHED}
    assert len(queries.preview(again.experiment_spec).done) == again.runs.distinct().count()


def test_a_truncated_file_of_the_store_has_its_run_trained_again(experiment: Experiment, shared: Path) -> None:
    run = experiment.runs.distinct()[0]
    os.truncate(predictions(shared, run), 40)

    [damage] = artifacts.verify_all().damages

    assert damage.key == run.key
    run.refresh_from_db()
    assert run.status == Status.QUEUED
    assert not predictions(shared, run).exists()


def test_a_pass_over_a_store_that_is_away_says_that_nothing_was_compared(experiment: Experiment, shared: Path) -> None:
    runs = experiment.runs.distinct().count()
    shared.rename(shared.with_name("unmounted"))
    with pytest.raises(CommandError, match=f"Artifacts of {runs} of {runs} runs could not be read"):
        call_command("verify")


def test_a_store_of_which_the_disk_is_not_mounted_has_no_run_trained_again(experiment: Experiment, shared: Path) -> None:
    """The folder to mount on is there, and is empty."""
    results.refresh_result(experiment)
    shared.rename(shared.with_name("unmounted"))
    shared.mkdir()
    shutil.rmtree(configured.ARTIFACTS_DIR)

    runs = experiment.runs.distinct().count()
    with pytest.raises(CommandError, match=f"Artifacts of {runs} of {runs} runs could not be read"):
        call_command("verify")
    assert not artifacts.report_damage(DamagedArtifact(experiment.runs.distinct()[0].key, "predictions.parquet", MISSING))

    assert {run.status for run in experiment.runs.all()} == {Status.FINISHED}
    experiment.refresh_from_db()
    assert experiment.result


def test_a_pass_counts_the_runs_of_which_a_file_could_not_be_read(
    experiment: Experiment, shared: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    call_command("verify")
    assert "Every artifact has its checksum." in capsys.readouterr().out
    path = predictions(shared, experiment.runs.distinct()[0])
    path.unlink()
    path.mkdir()
    (path / "file").touch()
    shutil.rmtree(configured.ARTIFACTS_DIR)

    with pytest.raises(CommandError, match=f"Artifacts of 1 of {experiment.runs.distinct().count()} runs could not be read"):
        call_command("verify")


def test_a_move_that_finds_a_damaged_file_of_a_broken_off_one_leaves_the_right_file_in_the_store(
    experiment: Experiment, shared: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = experiment.runs.distinct()[0]
    with monkeypatch.context() as broken_off:
        broken_off.setattr(compaction, "_replace", Mock(side_effect=KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            compaction.compact(run.pk)
    [path] = (shared / "runs" / run.key).glob("events-*.parquet")
    whole = path.read_bytes()
    path.write_bytes(b"half")

    assert compaction.compact(run.pk) > 0

    assert path.read_bytes() == whole
    shutil.rmtree(configured.ARTIFACTS_DIR)
    assert len(list(stored_events.each(run.pk))) > 0


def test_unused_runs_are_deleted_from_the_store_and_here(experiment: Experiment, shared: Path) -> None:
    keys = {run.key for run in experiment.runs.all()}
    lifecycle.delete(experiment)
    rows = unused_runs.unused()
    assert {row.key for row in rows} == keys
    assert all(row.size > 0 for row in rows)

    assert len(list(unused_runs.collect(rows))) == len(keys)

    assert [path for path in shared.rglob("*") if path.is_file()] == []
    assert copies() == []


def test_a_store_that_is_away_is_said_and_nothing_is_trained_again(
    experiment: Experiment, shared: Path, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(readiness, "FRESH_SECONDS", -1.0)
    monkeypatch.setitem(CHECKS, "broker", lambda: None)
    client.force_login(experiment.owner)
    before = client.get("/readyz").json()["parts"]["store"]
    shared.rename(shared.with_name("unmounted"))

    page = client.get(f"/experiments/{experiment.pk}/examples/")
    parts = client.get("/readyz").json()["parts"]
    results.refresh_results({run.pk for run in experiment.runs.all()})

    assert before == "ok"
    assert page.status_code == 503
    assert "The store of artifacts cannot be reached now" in page.content.decode()
    assert shared.as_uri() not in page.content.decode()
    assert parts["store"] == "The store of artifacts cannot be reached; the log of the web server says why."
    assert {run.status for run in experiment.runs.all()} == {Status.FINISHED}
    experiment.refresh_from_db()
    assert "reached" not in experiment.result_error

    shared.with_name("unmounted").rename(shared)
    assert client.get(f"/experiments/{experiment.pk}/examples/").status_code == 200
    assert not (shared / "probes").exists() or not list((shared / "probes").iterdir())


def test_a_backup_has_the_files_of_the_store_and_a_restore_returns_them(
    experiment: Experiment, shared: Path, tmp_path: Path
) -> None:
    before = {path.relative_to(shared): path.read_bytes() for path in shared.rglob("*") if path.is_file()}

    back_up(tmp_path / "backup.zip")

    with zipfile.ZipFile(tmp_path / "backup.zip") as packed:
        names = [name for name in packed.namelist() if name.startswith("artifacts/")]
        assert {name: packed.read(name) for name in names} == {f"artifacts/{path}": content for path, content in before.items()}
        packed.extractall(tmp_path / "unpacked", names)
    shutil.rmtree(shared)
    shared.mkdir()
    shutil.copytree(tmp_path / "unpacked" / "artifacts", configured.ARTIFACTS_DIR, dirs_exist_ok=True)
    files.upload([])
    assert {path.relative_to(shared): path.read_bytes() for path in shared.rglob("*") if path.is_file()} == before


def test_a_backup_has_the_shares_of_the_store_and_a_restore_uploads_the_list_of_each_last(
    owner: User, shared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = freeze(explored(owner), CHOICES.model_copy(update={"examples": "all"}), owner).content
    back_up(tmp_path / "backup.zip")
    with zipfile.ZipFile(tmp_path / "backup.zip") as packed:
        names = [name for name in packed.namelist() if name.startswith("shares/")]
        assert {name.split("/")[1] for name in names} == {content}
        packed.extractall(tmp_path / "unpacked", names)
        assert not [name for name in packed.namelist() if name.startswith(("artifacts/shares/", "artifacts/begun/"))]
    for folder in (shared, Path(configured.ARTIFACTS_DIR)):
        shutil.rmtree(folder)
    shared.mkdir()
    uploaded, upload = list[str](), FolderRemote.upload

    def noted(remote: FolderRemote, source: Path, name: str) -> None:
        uploaded.append(name)
        upload(remote, source, name)

    monkeypatch.setattr(FolderRemote, "upload", noted)

    shutil.copytree(tmp_path / "unpacked" / "shares", shares_folder())
    files.upload([])

    assert verify(shared / "shares" / content) == content
    assert uploaded[-1] == f"shares/{content}/{CHECKSUMS}"
    assert len(uploaded) == len(set(uploaded))


def test_no_run_is_claimed_or_given_up_while_the_store_is_away(owner: User, shared: Path) -> None:
    experiment = launched(owner)
    [run, *_] = services.claim_group("worker@here", 1)
    shared.rename(shared.with_name("unmounted"))

    assert services.claim_group("worker@there") == []
    services.lose(run.pk, run.attempt, "the store cannot be reached", "", excused=not store_is_reachable())

    run.refresh_from_db()
    assert (run.status, run.losses) == (Status.QUEUED, 0)
    shared.with_name("unmounted").rename(shared)
    assert services.claim_group("worker@there")
    assert experiment.runs.filter(status=Status.FAILED).count() == 0


def test_the_log_of_a_run_goes_on_with_the_attempt_of_another_machine_and_is_shown_by_all(settings: Any, tmp_path: Path) -> None:
    key, web, first, second = "0" * 64, tmp_path / "web", tmp_path / "first", tmp_path / "second"
    for machine, line in ((first, "out of memory"), (second, "finished")):
        settings.LOG_DIR = machine
        run_logs.resume(key)
        run_logs.note(key, line)
        run_logs.publish(key)
    for machine in (web, first, second):
        settings.LOG_DIR = machine
        assert run_logs.lines(key) == ["out of memory", "finished"]
        assert run_logs.text(key) == "out of memory\nfinished\n"


def test_a_stored_log_has_no_secrets(settings: Any, tmp_path: Path, shared: Path) -> None:
    settings.LOG_DIR = tmp_path / "logs"
    run_logs.note("0" * 64, "token: hf_abcdefghijklmnopqrstuvwxyzABCDEFGH")
    run_logs.publish("0" * 64)
    run_logs.note("0" * 64, "the end")
    assert "hf_abc" not in (shared / "runs" / ("0" * 64) / "trainer.log").read_text()
    assert len(run_logs.lines("0" * 64)) == 2


def test_a_full_disk_keeps_no_attempt_from_its_beginning_or_end(
    settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    settings.LOG_DIR = tmp_path / "first"
    run_logs.note("0" * 64, "a line")
    run_logs.publish("0" * 64)
    settings.LOG_DIR = tmp_path / "second"
    monkeypatch.setattr(Path, "write_text", full)
    run_logs.resume("0" * 64)
    settings.LOG_DIR = tmp_path / "first"
    monkeypatch.setattr(FolderRemote, "upload", full)
    run_logs.publish("0" * 64)
    assert run_logs.lines("0" * 64) == ["a line"]


def test_a_log_stays_where_it_is_while_the_store_is_away(settings: Any, tmp_path: Path, shared: Path) -> None:
    settings.LOG_DIR = tmp_path / "logs"
    run_logs.note("0" * 64, "a line")
    shared.rename(tmp_path / "away")
    run_logs.publish("0" * 64)
    run_logs.resume("0" * 64)
    assert run_logs.lines("0" * 64) == ["a line"]
