"""Unused runs are listed, and deleted on request; every run that an experiment needs, directly or not, stays."""

from io import StringIO

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command

from tests.factories.experiments import finish_all, launched
from training import Store
from webapp.artifact_store import artifact_store
from webapp.experiments import lifecycle, results, unused_runs
from webapp.experiments.models import Event, Experiment, Run, Status


@pytest.fixture
def store() -> Store:
    return artifact_store()


def deleted(owner: User, **changes: object) -> set[str]:
    """The keys of the runs of an experiment that has finished and was deleted."""
    experiment = launched(owner, **changes)
    finish_all(experiment)
    keys = set(experiment.runs.values_list("key", flat=True))
    lifecycle.delete(experiment)
    return keys


def said(*arguments: str) -> str:
    out = StringIO()
    call_command("collect", *arguments, stdout=out)
    return out.getvalue()


def test_runs_of_experiments_and_those_that_labelled_for_them_stay(owner: User, store: Store) -> None:
    naive = {"methods": [{"kind": "naive"}]}
    first, other = launched(owner), launched(owner, name="A part of it", **naive)
    finish_all(first)
    results.refresh_result(other)
    keys = set(first.runs.values_list("key", flat=True))
    needed = set(other.runs.values_list("key", flat=True))
    lifecycle.delete(first)
    assert {rows.key for rows in unused_runs.unused()} == keys - needed
    supervisor = Run.objects.get(key=other.triplets[0]["weak"])
    other.parts.filter(run=supervisor).delete()  # as if only its student were a part
    assert supervisor.key not in {rows.key for rows in unused_runs.unused()}


def test_listing_deletes_nothing_and_says_what_would_go(owner: User, store: Store) -> None:
    keys = deleted(owner)
    output = said()
    assert "Nothing was deleted" in output
    assert all(key[:12] in output for key in keys)
    assert Run.objects.count() == len(keys)
    assert all(store.finished(key) for key in keys)


def test_what_is_collected_is_gone_from_database_and_disk_and_is_trained_anew_when_needed(owner: User, store: Store) -> None:
    keys = deleted(owner)
    assert f"{len(keys)} with" in said("--delete")
    assert not Run.objects.exists()
    assert not Event.objects.exists()
    assert not any(store.run(key).exists() for key in keys)
    again = launched(owner)
    assert set(again.runs.values_list("status", flat=True)) <= {Status.QUEUED, Status.WAITING}


def test_what_was_requested_between_list_and_deletion_stays_and_is_counted(
    owner: User, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = deleted(owner)
    rows = unused_runs.unused()
    experiment = launched(owner)
    monkeypatch.setattr(unused_runs, "unused", lambda: rows)
    with pytest.raises(CommandError, match=f"{len(rows)} stay: an experiment needs them now, or the log says why."):
        said("--delete")
    assert Experiment.objects.get() == experiment
    assert all(store.finished(key) for key in keys)


@pytest.mark.embedded("makes a folder")
def test_a_folder_without_a_run_is_listed_too(owner: User, store: Store) -> None:
    store.run("f" * 64).mkdir(parents=True)
    (store.run("f" * 64) / "checkpoint.bin").write_bytes(b"x" * 1000)
    assert [(first.key, first.run, first.size) for first in unused_runs.unused()] == [("f" * 64, None, 1000)]
    said("--delete")
    assert not store.run("f" * 64).exists()
