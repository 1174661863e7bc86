"""A stop that evaluates runs in training at their last checkpoint gives a partial result."""

import pytest
from django.contrib.auth.models import User
from django.test import Client

from tests.factories import claims
from tests.factories.experiments import ending, launched, of, save_predictions, state_now, stopped_in_training, training_events
from training.events import CheckpointSaved, RunStopped
from training.metrics.results import Result
from webapp.artifact_store import artifact_store
from webapp.experiments import queries, results, run_launch, run_stop
from webapp.experiments.models import Role, Run, Status
from webapp.findings.partial import partial

pytestmark = pytest.mark.usefixtures("called")


def finish(run: Run) -> None:
    claimed = claims.claim(run.pk, "worker0@gpu")
    assert claimed is not None
    save_predictions(run, {"weak": 0.66, "ceiling": 0.79}.get(run.parts.all()[0].role, 0.71))
    claims.append_events(run.pk, claimed.attempt, [*training_events(), ending()])


def test_what_trained_is_evaluated_as_another_run_and_the_result_says_that_it_is_partial(owner: User, client: Client) -> None:
    experiment = stopped_in_training(owner, checkpoint=10)
    beginning = of(experiment, Role.STUDENT)
    assert beginning.run_spec.stop_at == 10
    assert beginning.status == Status.QUEUED
    assert state_now(experiment) == "stopping"
    whole = Run.objects.get(key=beginning.run_spec.model_copy(update={"stop_at": None}).key())
    assert whole.status == Status.STOPPED
    assert not artifact_store().finished(whole.key), "nobody takes the one for the other"
    finish(beginning)
    results.refresh_result(experiment)
    experiment.refresh_from_db()
    assert state_now(experiment) == "stopped"
    assert experiment.result
    assert experiment.result["triplets"][0]["student_run"] == beginning.key
    assert experiment.result["groups"][0]["student"] is not None
    (note,) = partial(list(queries.parts(experiment)), Result.model_validate(experiment.result))
    assert "1 run of this result was stopped and evaluated" in note.text
    assert "student, seed 0, at step 10" in note.text
    client.force_login(owner)
    page = client.get(f"/experiments/{experiment.pk}/").content.decode()
    assert "Stopped, partial result" in page
    assert "Partial result" in page


def test_a_new_launch_trains_the_whole_and_the_beginning_is_no_part_of_it_any_more(owner: User) -> None:
    experiment = stopped_in_training(owner, checkpoint=10)
    finish(of(experiment, Role.STUDENT))
    run_launch.launch(experiment)
    student = of(experiment, Role.STUDENT)
    assert student.run_spec.stop_at is None
    assert student.status == Status.QUEUED
    assert not any(run.spec.get("stop_at") for run in experiment.runs.all())
    finish(student)
    results.refresh_result(experiment)
    experiment.refresh_from_db()
    assert state_now(experiment) == "finished"
    assert partial(list(queries.parts(experiment)), Result.model_validate(experiment.result)) == []


def test_a_shortened_run_that_no_number_rests_on_is_not_said_to_be_in_the_result(owner: User) -> None:
    """Two seeds: seed 0 has finished, and of seed 1 only the student was evaluated, at its last checkpoint."""
    experiment = launched(owner, methods=[{"kind": "naive"}], seeds=2)
    first, second = experiment.triplets
    for role in ("weak", "ceiling", "student"):
        finish(Run.objects.get(key=first[role]))
    finish(Run.objects.get(key=second["weak"]))
    student = claims.claim(Run.objects.get(key=second["student"]).pk, "worker0@gpu")
    assert student is not None
    claims.append_events(student.pk, student.attempt, [*training_events(), CheckpointSaved(step=10)])
    run_stop.stop_experiment(experiment, "ada", evaluate=True)
    claims.append_events(student.pk, student.attempt, [RunStopped(step=10)])
    finish(experiment.runs.get(spec__stop_at=10))
    results.refresh_result(experiment)
    experiment.refresh_from_db()
    result = Result.model_validate(experiment.result)
    assert result.groups[0].seeds == (0,)
    assert partial(list(queries.parts(experiment)), result) == []


def test_without_a_checkpoint_there_is_nothing_to_evaluate(owner: User) -> None:
    experiment = stopped_in_training(owner, checkpoint=0)
    assert of(experiment, Role.STUDENT).status == Status.STOPPED
    results.refresh_result(experiment)
    experiment.refresh_from_db()
    assert state_now(experiment) == "stopped"


def test_a_plain_stop_evaluates_nothing(owner: User) -> None:
    experiment = launched(owner)
    run = claims.claim_next("worker0@gpu")
    assert run is not None
    claims.append_events(run.pk, run.attempt, [*training_events(), CheckpointSaved(step=10)])
    run_stop.stop_experiment(experiment, "ada")
    claims.append_events(run.pk, run.attempt, [RunStopped(step=10)])
    assert not Run.objects.filter(status=Status.QUEUED).exists()
    assert Run.objects.get(pk=run.pk).status == Status.STOPPED
