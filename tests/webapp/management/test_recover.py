"""One damaged row of each kind is planted: all other work is done, and the row shows what is wrong with it."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.utils import timezone

from tests.factories import claims
from tests.factories.damage import damaged
from tests.factories.experiments import finish, finish_all, launched
from tests.factories.imports import queued
from tests.webapp.management.conftest import Damage
from training.storage.checksums import Checksums
from webapp import uploaded_files
from webapp.artifact_store import artifact_store
from webapp.attributions import services as attributions
from webapp.attributions.models import Question
from webapp.attributions.models import State as AttributionState
from webapp.experiments.models import Event, Experiment, Run, Status
from webapp.imports import services as imports
from webapp.imports.models import Import, State
from webapp.jobs import chores
from webapp.jobs import imports as import_jobs
from webapp.management.commands.recover import Recovery
from webapp.webhooks import services as hooks
from webapp.webhooks.models import Call

pytestmark = pytest.mark.usefixtures("called")


def owed(owner: User, seed: int) -> Experiment:
    """An experiment that has finished and whose result was never computed."""
    experiment = launched(owner, data={"split_seed": seed})
    finish_all(experiment)
    long_ago = timezone.now() - timedelta(minutes=1)
    Experiment.objects.filter(pk=experiment.pk).update(result=None, result_runs=[], result_due=True, ended_at=long_ago)
    return experiment


def replaced(experiment: Experiment, table: Callable[[pa.Table], pa.Table]) -> None:
    """Replace the predictions of one of its runs, with a matching checksum."""
    run = experiment.runs.order_by("pk").first()
    assert run
    store = artifact_store()

    def change(file: Path) -> None:
        other = table(pq.read_table(file))
        with Checksums(store.root).writing(file) as path:
            pq.write_table(other, path)

    damaged(store.run(run.key) / "predictions.parquet", change)


@pytest.mark.parametrize("column", ["id", "split", "group", "gold", "prob"])
def test_predictions_without_a_column_are_said_and_the_next_result_is_computed(
    owner: User, recovery: Recovery, column: str
) -> None:
    first, second = owed(owner, 1), owed(owner, 2)
    replaced(first, lambda table: table.drop_columns([column]))
    recovery.round()
    first.refresh_from_db()
    second.refresh_from_db()
    assert (first.result, first.result_due) == (None, False), "it is not tried for ever"
    assert "predictions" in first.result_error
    assert second.result is not None
    assert second.result_error == ""


def test_predictions_of_other_types_and_lengths_are_said_too(owner: User, recovery: Recovery) -> None:
    first, second = owed(owner, 1), owed(owner, 2)
    replaced(first, lambda table: pa.table({name: ["a", None] for name in table.column_names}))
    recovery.round()
    first.refresh_from_db()
    second.refresh_from_db()
    assert first.result_error
    assert second.result is not None


@pytest.mark.parametrize("column", ["spec", "triplets"])
def test_an_experiment_that_cannot_be_read_says_so_and_the_next_result_is_computed(
    owner: User, recovery: Recovery, damage: Damage, column: str
) -> None:
    first, second = owed(owner, 1), owed(owner, 2)
    damage(first, column)
    recovery.round()
    stored = Experiment.objects.values("result_due", "result_error").get(pk=first.pk)
    second.refresh_from_db()
    assert second.result is not None
    assert not stored["result_due"]
    assert stored["result_error"] or column == "triplets"  # an empty list is a list


def test_a_queued_run_that_cannot_be_read_fails_and_the_next_is_taken(owner: User, damage: Damage) -> None:
    first, second = launched(owner).runs.filter(status=Status.QUEUED).order_by("pk")
    damage(first, "spec")
    taken = claims.claim_next("worker@test")
    assert taken == second
    stored = Run.objects.values("status", "error").get(pk=first.pk)
    assert stored["status"] == Status.FAILED
    assert stored["error"].startswith("What this run is to train cannot be read from the record. ")
    assert Event.objects.filter(run=first, payload__kind="failed").count() == 1


def test_a_run_of_another_version_of_the_engine_is_not_damaged(owner: User) -> None:
    first, second = launched(owner).runs.filter(status=Status.QUEUED).order_by("pk")
    Run.objects.filter(pk=first.pk).update(spec={"engine": 10**6, "what": "later versions know"})
    assert claims.claim_next("worker@test") == second
    assert Run.objects.values_list("status", flat=True).get(pk=first.pk) == Status.QUEUED


def test_runs_of_dead_workers_are_taken_back_whatever_their_specs_say(owner: User, recovery: Recovery, damage: Damage) -> None:
    first, second = launched(owner).runs.filter(status=Status.QUEUED).order_by("pk")
    for run in (first, second):
        assert claims.claim(run.pk, "worker@dead")
    Run.objects.update(lease_until=timezone.now() - timedelta(minutes=1))
    damage(first, "spec")
    recovery.round()
    assert set(Run.objects.filter(pk__in=[first.pk, second.pk]).values_list("status", flat=True)) == {Status.QUEUED}


def test_a_run_finishes_although_an_experiment_that_has_it_cannot_be_read(owner: User, damage: Damage) -> None:
    experiment = launched(owner)
    damage(experiment, "spec")
    for _ in range(4):
        run = Run.objects.filter(status=Status.QUEUED).order_by("pk").first()
        assert run
        finish(run)
    assert set(Run.objects.values_list("status", flat=True)) == {Status.FINISHED}


@pytest.mark.parametrize("hours", [float("inf"), -1.0, 0.0])
def test_an_invalid_budget_is_an_error_and_the_next_budget_is_held(owner: User, recovery: Recovery, hours: float) -> None:
    first, second = launched(owner, data={"split_seed": 1}), launched(owner, data={"split_seed": 2})
    Experiment.objects.filter(pk=first.pk).update(budget_hours=hours)
    held(second, recovery)
    first.refresh_from_db()
    assert "its budget is not a number of hours" in first.budget_error
    assert first.stopped_at is None


def test_a_budget_over_damaged_events_is_an_error_and_the_next_budget_is_held(owner: User, recovery: Recovery) -> None:
    first, second = launched(owner, data={"split_seed": 1}), launched(owner, data={"split_seed": 2})
    run = first.runs.filter(status=Status.QUEUED).first()
    assert run
    assert claims.claim(run.pk, "worker@test")
    Event.objects.filter(run=run, payload__kind="claimed").update(payload={"kind": "claimed"})
    Experiment.objects.filter(pk=first.pk).update(budget_hours=1.0)
    held(second, recovery)
    first.refresh_from_db()
    assert first.budget_error == "KeyError: 'worker'."


def held(experiment: Experiment, recovery: Recovery) -> None:
    """Assert that the recovery stops the experiment, which has used up its budget."""
    run = experiment.runs.filter(status=Status.QUEUED).first()
    assert run
    assert claims.claim(run.pk, "worker@test")
    earlier = timezone.now() - timedelta(hours=2)
    Event.objects.filter(run=run).update(at=earlier)
    Experiment.objects.filter(pk=experiment.pk).update(created_at=earlier, budget_hours=1.0)
    recovery.round()
    experiment.refresh_from_db()
    assert experiment.stopped_at is not None
    assert experiment.budget_error == ""


@pytest.mark.parametrize("column", ["mapping", "about", "look"])
def test_an_import_that_cannot_be_read_fails_and_the_next_is_taken(
    owner: User, tmp_path: Path, damage: Damage, column: str
) -> None:
    first = queued(owner, tmp_path)
    second = Import.objects.get(pk=first.pk)
    second.pk = None
    second.save()  # another import of the same file
    damage(first, column)
    taken = imports.claim_next()
    assert taken == second
    stored = Import.objects.values("state", "error").get(pk=first.pk)
    assert stored["state"] == State.FAILED
    assert stored["error"].startswith("The record of this import is damaged. ")


def test_an_import_whose_work_cannot_be_begun_says_so(owner: User, tmp_path: Path) -> None:
    row = queued(owner, tmp_path)
    taken = imports.claim_next()
    assert taken
    uploaded_files.remove(row.folder)
    import_jobs.work(taken)
    row.refresh_from_db()
    assert (row.state, row.error[:46]) == (State.FAILED, "The work could not be done. FileNotFoundError:")


def test_a_webhook_whose_message_cannot_be_made_is_given_up_at_last_and_the_next_is_called(
    owner: User, damage: Damage, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    sent: list[bytes] = []
    settings.WEBHOOK_URL = "http://127.0.0.1:9/"

    def send(body: bytes) -> str:
        sent.append(body)
        return ""

    monkeypatch.setattr(hooks, "send", send)
    experiments = [launched(owner, data={"split_seed": seed}) for seed in (1, 2)]
    for experiment in experiments:
        finish_all(experiment)
    damage(experiments[0], "spec")
    assert hooks.note()
    hooks.deliver()
    assert len(sent) == 1
    first, second = (Call.objects.get(experiment_id=experiment.pk) for experiment in experiments)
    assert second.delivered_at is not None
    assert first.problem.startswith("The message cannot be made. ")
    assert first.due_at is not None
    assert first.due_at > timezone.now()
    for _ in range(hooks.LONGEST_TRIES):
        Call.objects.filter(due_at__isnull=False).update(due_at=timezone.now())
        hooks.deliver()
    assert Call.objects.filter(due_at__isnull=False).count() == 0
    assert len(sent) == 1


def test_an_attribution_that_cannot_be_read_fails_and_the_next_is_taken(db: None, damage: Damage) -> None:
    for key, example in (("a" * 64, 1), ("b" * 64, 1), ("c" * 64, 2)):
        Question.objects.create(key=key, example=example)
    first, second, third = Question.objects.order_by("pk")
    damage(first, "answer")
    assert [row.pk for row in attributions.claim_next()] == [first.pk, second.pk], "an answer that is to come need not be read"
    if connection.vendor == "sqlite":  # where a column may hold anything
        Question.objects.update(state=AttributionState.QUEUED)
        with connection.cursor() as cursor:
            cursor.execute(f"UPDATE {Question._meta.db_table} SET example = 'first' WHERE id = %s", [first.pk])
        assert [row.pk for row in attributions.claim_next()] == [second.pk]
        stored = Question.objects.values("state", "error").get(pk=first.pk)
        assert stored["state"] == AttributionState.FAILED
        assert stored["error"].startswith("The record of this attribution is damaged. ")
    assert [row.pk for row in attributions.claim_next()] == [third.pk]


def test_imports_are_done_although_no_question_can_be_claimed(
    owner: User, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken() -> None:
        raise KeyError("question")

    done: list[Import] = []
    row = queued(owner, tmp_path)
    monkeypatch.setattr(attributions, "claim_next", broken)
    monkeypatch.setattr(import_jobs, "work", done.append)
    chores.work()
    assert done == [row]
