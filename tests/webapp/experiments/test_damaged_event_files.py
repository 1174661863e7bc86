"""A damaged or missing file of events is named where its events would be; what happened to the run and its result remain."""

import json
import re
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.test import Client

from tests.factories.api_clients import api_of
from tests.factories.artifacts import flip
from tests.factories.compacted import compact_all, every_event, trained
from tests.factories.damage import damaged
from training.storage.checksums import DamagedArtifact, sidecar
from webapp.actions import artifacts
from webapp.archives.export import write
from webapp.artifact_store import artifact_store
from webapp.backups import backup
from webapp.experiments import compaction, damage, new_events, queries, system_samples
from webapp.experiments.models import Event, Experiment, Run, Status
from webapp.findings import run_curves
from webapp.reports import composition

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("called")]


def remove(path: Path) -> None:
    path.unlink()
    sidecar(path).unlink()


DAMAGES: dict[str, Callable[[Path], object]] = {"a flipped bit": lambda path: flip(path, 1000), "gone": remove}


@pytest.fixture
def experiment(owner: User) -> Experiment:
    experiment = trained(owner)
    compact_all(experiment)
    return experiment


@pytest.fixture
def run(experiment: Experiment) -> Run:
    run: Run = experiment.parts.filter(role="student")[0].run
    return run


@pytest.fixture(params=DAMAGES)
def broken(request: pytest.FixtureRequest, run: Run) -> Path:
    (path,) = artifact_store().run(run.key).glob("events-*.parquet")
    damaged(path, DAMAGES[request.param])
    return path


def wire(client: Client, address: str) -> dict[str, list[str]]:
    html = client.get(address).content.decode()
    match = re.search(r'<script id="wire" type="application/json">(.*?)</script>', html)
    assert match
    content: dict[str, list[str]] = json.loads(match[1])
    return content


def test_pages_say_it_beside_the_curves_and_show_all_else(
    experiment: Experiment, run: Run, broken: Path, client: Client, owner: User
) -> None:
    client.force_login(owner)
    for address in (f"/runs/{run.pk}/", f"/experiments/{experiment.pk}/"):
        named, consequence = wire(client, address)["unreadable"]
        assert broken.name in named
        assert "Means over seeds leave these runs out" in consequence
        assert "-chart-unreadable" in client.get(address).content.decode()
    page = client.get(f"/runs/{run.pk}/").content.decode()
    assert "finished after" in page
    assert "taken by worker@test" in page


def test_a_page_names_a_few_files_and_counts_the_others(
    run: Run, broken: Path, client: Client, owner: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_curves, "MOST_NAMED", 0)
    client.force_login(owner)
    assert wire(client, f"/runs/{run.pk}/")["unreadable"] == ["And 1 more.", run_curves.INCOMPLETE]


def test_the_curves_are_whole_again_once_the_file_is_back(run: Run, client: Client, owner: User) -> None:
    (path,) = artifact_store().run(run.key).glob("events-*.parquet")
    whole, content = run_curves.binned([run]), path.read_bytes()
    line = sidecar(path).read_bytes()
    damaged(path, remove)
    run_curves.CACHE = run_curves.RunCurvesCache(run_curves.MOST_CACHED)
    assert run_curves.binned([run]) != whole
    path.write_bytes(content)
    sidecar(path).write_bytes(line)
    assert run_curves.binned([run]) == whole


def test_the_api_and_files_of_curves_name_the_file(run: Run, broken: Path, client: Client, owner: User) -> None:
    ask = api_of(owner)
    for path in (f"/runs/{run.pk}/events", f"/runs/{run.pk}/system"):
        status, answer = ask("GET", path)
        (error,) = answer["errors"]
        assert (status, broken.name in error["message"], "trained again" in error["message"]) == (409, True, False)
    assert ask("GET", f"/runs/{run.pk}")[1]["status"] == "finished"
    client.force_login(owner)
    assert client.get(f"/runs/{run.pk}/system.csv").status_code == 409
    run.refresh_from_db()
    assert run.status == Status.FINISHED


def test_a_socket_has_the_events_of_the_table_and_comes_to_the_last_one(run: Run, broken: Path) -> None:
    events, more = new_events.new_events({run.pk: 0})
    assert not more
    assert events[run.pk][-1]["kind"] == "finished"
    assert len(events[run.pk]) < run.last_seq
    assert system_samples.most_samples([run.pk]) == 0
    assert [sample["kind"] for sample in system_samples.samples_for_page({run.pk: run.last_seq})[run.pk]] == ["claimed"]


def test_a_live_report_has_no_figure_of_curves_and_nothing_is_frozen(
    experiment: Experiment, broken: Path, tmp_path: Path
) -> None:
    assert composition.stream(experiment)
    with pytest.raises(DamagedArtifact, match=broken.name):
        write(experiment, tmp_path / "archive")


def test_a_pass_names_it_moves_it_aside_and_trains_nothing_again(run: Run, broken: Path) -> None:
    (first,) = artifacts.verify_all().damages
    assert first.name == broken.name
    assert not broken.exists()
    (again,) = artifacts.verify_all().damages
    assert (again.name, again.problem) == (broken.name, "is missing")
    assert damage.train_again(first) == set()
    run.refresh_from_db()
    assert run.status == Status.FINISHED


@pytest.mark.django_db(transaction=True)
def test_a_backup_is_possible_again_after_such_a_pass(run: Run, tmp_path: Path) -> None:
    (path,) = artifact_store().run(run.key).glob("events-*.parquet")
    damaged(path, DAMAGES["a flipped bit"])
    with pytest.raises(backup.NotBackedUp, match=path.name):
        backup.write(tmp_path / "backup.zip")
    artifacts.verify_all()
    backup.write(tmp_path / "backup.zip")


def test_undamaged_files_are_no_damage(experiment: Experiment) -> None:
    assert artifacts.verify_all().damages == []
    call_command("verify")


def test_the_files_of_a_failed_run_are_compared_too(run: Run, broken: Path) -> None:
    Run.objects.filter(pk=run.pk).update(status=Status.FAILED)
    (damage,) = artifacts.verify_all().damages
    assert damage.name == broken.name


def test_a_run_with_a_damaged_file_that_is_trained_again_is_compacted_again(run: Run, broken: Path) -> None:
    damage._train_again(run.pk, run.last_seq, DamagedArtifact(run.key, "predictions.parquet", "is missing"))
    run.refresh_from_db()
    Run.objects.filter(pk=run.pk).update(status=Status.FAILED)
    assert compaction.compact(run.pk) == 0
    assert queries.last_events([run.pk]) == {run.pk: run.last_seq}


@pytest.mark.django_db(transaction=True)
def test_a_backup_has_the_files_that_its_rows_name_although_events_are_moved_meanwhile(
    owner: User, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    experiment = trained(owner)
    first = experiment.runs.order_by("pk")[0]
    compaction.compact(first.pk)
    first.refresh_from_db()
    before = every_event(first.pk)
    add_tables = backup._Backup.add_tables

    def then_moved(self: backup._Backup, using: str) -> object:
        added = add_tables(self, using)
        damage._train_again(first.pk, first.last_seq, DamagedArtifact(first.key, "predictions.parquet", "is missing"))
        compact_all(experiment)
        return added

    monkeypatch.setattr(backup._Backup, "add_tables", then_moved)
    monkeypatch.setattr(backup._Backup, "check_runs", lambda *_: None)
    backup.write(tmp_path / "backup.zip")
    with zipfile.ZipFile(tmp_path / "backup.zip") as packed:
        assert f"artifacts/runs/{first.key}/events-{first.event_files[0][1]}.parquet" in packed.namelist()
        events = packed.read("tables/experiments.event.jsonl").decode().splitlines()
    assert len(events) - 1 == Event.objects.filter(run=first, seq__lte=before[-1]["seq"]).count() + 2 * len(before)
