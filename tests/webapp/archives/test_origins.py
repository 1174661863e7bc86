"""Runs that were trained elsewhere are not used by other experiments until an administrator accepts them."""

import importlib
import shutil
from pathlib import Path

import pytest
from django.apps import apps
from django.contrib.auth.models import User
from django.test import Client

from tests.factories.archives import bring, empty, train_all, trained
from tests.factories.experiments import launched, spec
from training import make_plan
from training.storage.archive import read, unpack
from webapp.accounts.tokens import make_token
from webapp.archives.export import packed, write
from webapp.artifact_store import artifact_store
from webapp.audit.models import Entry, Verb
from webapp.experiments import queries
from webapp.experiments.models import Experiment, Run, Status
from webapp.reports.limitations import limitations
from webapp.reports.provenance import provenance

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("called")]


def archived(owner: User, target: Path, **changes: object) -> Path:
    experiment = trained(owner, **changes)
    with packed(experiment, owner) as file, target.open("wb") as copy:
        shutil.copyfileobj(file, copy)
    return target


@pytest.fixture
def brought(owner: User, tmp_path: Path) -> Experiment:
    """The archive in an installation that has nothing else."""
    return bring(empty_of(owner, archived(owner, tmp_path / "it.zip")), tmp_path / "it.zip")


def empty_of(owner: User, archive: Path) -> User:
    return empty()


@pytest.mark.embedded("a shared store keeps the first of two outcomes")
def test_an_imported_run_is_no_cache_hit_and_a_run_trained_here_says_whether_it_was_true(brought: Experiment) -> None:
    keys = set(make_plan(spec()).runs)
    assert set(brought.runs.values_list("claimed_key", flat=True)) == keys
    assert not Run.objects.filter(key__in=keys).exists()
    before = brought.result
    assert queries.preview(spec()).to_run == len(keys)
    honest = launched(User.objects.create_user("hedy"))
    assert set(honest.runs.values_list("key", flat=True)) == keys
    assert not honest.runs.filter(status=Status.FINISHED).exists()
    train_all(honest, skill=0.6)
    assert set(brought.runs.values_list("confirmed", flat=True)) == {False}
    brought.refresh_from_db()
    assert brought.result == before
    assert honest.result != before


def test_a_run_that_is_trained_again_to_the_same_is_confirmed(brought: Experiment, client: Client) -> None:
    train_all(launched(User.objects.create_user("hedy")))
    assert set(brought.runs.values_list("confirmed", flat=True)) == {True}
    client.force_login(brought.owner)
    assert "Confirmed here" in client.get(f"/runs/{brought.runs.first().pk}/").content.decode()  # type: ignore[union-attr]


def test_an_administrator_accepts_the_runs_of_an_archive_and_their_origin_stays_wherever_they_are_used(
    brought: Experiment, client: Client, tmp_path: Path
) -> None:
    root, hedy = User.objects.create_superuser("root"), User.objects.create_user("hedy")
    client.force_login(root)
    assert "Accept the runs of this archive" in " ".join(client.get(f"/experiments/{brought.pk}/").content.decode().split())
    assert client.post(f"/experiments/{brought.pk}/accept/").status_code == 302
    [entry] = Entry.objects.filter(verb=Verb.ACCEPTED)
    assert (entry.name, entry.key, entry.details["runs"]) == ("root", str(brought.pk), brought.runs.distinct().count())

    changes = {"methods": [{"kind": "naive"}, {"kind": "confidence"}, {"kind": "confidence", "weight": 0.25}]}
    assert queries.preview(spec(**changes)).to_run == 1
    using = launched(hedy, **changes)
    assert using.runs.filter(claimed_key="").count() == 1
    [further] = using.runs.filter(claimed_key="")
    weak = further.needs.get()
    assert weak.imported
    assert further.spec["labels"] == weak.key
    assert further.key == further.run_spec.key()
    assert further.key not in make_plan(spec(**changes)).runs  # it learned from another run than one of ours
    train_all(using)

    where = brought.origin["content"]  # type: ignore[index]
    api = Client(headers={"authorization": f"Bearer {make_token(hedy)}"})
    client.force_login(hedy)
    pages = [f"/experiments/{using.pk}/", f"/runs/{weak.pk}/", f"/runs/{further.pk}/", f"/experiments/{using.pk}/examples/"]
    pages += [f"/compare/?e={using.pk}&e={brought.pk}", "/leaderboard/"]
    for path in pages:
        assert where in client.get(path).content.decode(), path
    assert "trained elsewhere" in client.get("/experiments/").content.decode()
    answer = api.get(f"/api/v1/experiments/{using.pk}").json()
    assert sorted(run["imported"] is not None for run in answer["runs"]) == [False, *[True] * (len(answer["runs"]) - 1)]
    assert api.get(f"/api/v1/runs/{weak.pk}").json()["imported"]["content"] == where
    assert api.get("/api/v1/experiments").json()["experiments"][0]["imported"]
    made = provenance(using, hedy)
    assert where in made.origin
    assert any(note.title == "Trained elsewhere" for note in limitations(using, [], made, None))
    assert {run.key for run in made.runs} == set(make_plan(spec(**changes)).runs)

    write(using, tmp_path / "again")
    about = read(tmp_path / "again")
    assert {origin.content for origin in about.imported.values()} == {where}
    assert set(about.imported) == set(brought.runs.values_list("claimed_key", flat=True))
    assert {path.parent.name for path in tmp_path.glob("again/runs/*/run.json")} == set(make_plan(spec(**changes)).runs)

    put = Client(headers={"authorization": f"Bearer {make_token(root)}"}).put
    answer = put(f"/api/v1/experiments/{brought.pk}/imported-runs", {"accepted": False}, content_type="application/json")
    assert answer.status_code == 200
    assert queries.preview(spec()).to_run == len(make_plan(spec()).runs)


def test_an_imported_experiment_that_is_archived_again_has_the_same_runs_and_says_where_they_are_from(
    brought: Experiment, tmp_path: Path
) -> None:
    unpack(tmp_path / "it.zip", tmp_path / "before")
    with packed(brought, brought.owner) as file:
        (tmp_path / "again.zip").write_bytes(file.read())
    unpack(tmp_path / "again.zip", tmp_path / "after")
    for path in (tmp_path / "before").glob("runs/*/*"):
        other = tmp_path / "after" / path.relative_to(tmp_path / "before")
        assert other.read_bytes() == path.read_bytes() or path.name == "events.jsonl"
    assert read(tmp_path / "after").result == read(tmp_path / "before").result
    content = brought.origin["content"]  # type: ignore[index]
    third = bring(User.objects.create_user("hedy"), tmp_path / "again.zip")
    [origin] = {str(run.origin["earlier"]["content"]) for run in third.runs.all() if run.origin}
    assert origin == content


@pytest.mark.embedded("migrates a store of a version that knew no shared ones")
def test_what_was_imported_before_is_set_apart_by_the_migration(owner: User) -> None:
    """The state that an earlier version left: imported runs with the keys of their archive, one of them shared."""
    experiment, store = trained(owner), artifact_store()
    experiment.origin = {"number": 1, "owner": "grace", "content": "c" * 64}
    experiment.save()
    further = launched(owner, methods=[{"kind": "naive"}, {"kind": "confidence", "weight": 0.25}])
    train_all(further)
    old = set(experiment.runs.values_list("key", flat=True))
    further_run = further.runs.exclude(key__in=old).get()
    for run in experiment.runs.all():
        Run.objects.filter(pk=run.pk).update(ended_at=run.created_at.replace(year=2020))
    importlib.import_module("webapp.experiments.migrations.0009_imported_runs").set_apart(apps, None)
    experiment.refresh_from_db()
    assert set(experiment.runs.values_list("claimed_key", flat=True)) == old
    assert not Run.objects.filter(key__in=old).exists()
    now = Run.objects.get(pk=further_run.pk)
    assert not now.imported
    assert now.key == now.run_spec.key() != further_run.key
    for experiment_with_runs in (experiment, Experiment.objects.get(pk=further.pk)):
        assert set(experiment_with_runs.result_runs) == set(experiment_with_runs.runs.values_list("key", flat=True))
        assert {triplet["weak"] for triplet in experiment_with_runs.triplets} <= set(experiment_with_runs.result_runs)
        assert all(store.finished(key) for key in experiment_with_runs.result_runs)
    assert queries.preview(spec()).to_run == len(old)


@pytest.mark.parametrize("path", ["/experiments/{}/", "/experiments/{}/status/"])
def test_administrators_keep_the_button_that_accepts_runs_when_the_page_is_renewed(
    brought: Experiment, client: Client, path: str
) -> None:
    for user, offered in ((User.objects.create_superuser("root"), True), (brought.owner, False)):
        client.force_login(user)
        page = client.get(path.format(brought.pk)).content.decode()
        assert "Runs of this archive" in page
        assert ("the runs of this archive</button>" in page) == offered
