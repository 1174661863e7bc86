"""Small experiments, whose runs end as the test asks."""

import numpy as np
from django.contrib.auth.models import User

from tests.factories import claims
from training import ExperimentSpec
from training.events import CheckpointSaved, EvaluationLogged, Event, MetricLogged, RunFinished, RunStarted, RunStopped
from training.storage.predictions import Predictions
from webapp.artifact_store import artifact_store
from webapp.experiments import results, run_launch, run_stop, services
from webapp.experiments.models import Experiment, Role, Run, Status

SKILL = {"weak": 0.66, "student": 0.71, "ceiling": 0.79, "further": 0.67}


def spec(**changes: object) -> ExperimentSpec:
    """The shipped default with one seed, unless changed."""
    return ExperimentSpec.model_validate({"name": "A test", "seeds": 1, **changes})


def launched(owner: User, **changes: object) -> Experiment:
    experiment = services.create(owner, spec(**changes))
    run_launch.launch(experiment)
    return experiment


def training_events(steps: int = 20, every: int = 10, accuracy: float = 0.7) -> list[Event]:
    """Return the events of a trainer before its last one."""
    points = range(every, steps + 1, every)
    metrics = [MetricLogged(step=step, loss=1 / step, lr=1e-3) for step in points]
    evaluations = [EvaluationLogged(step=step, accuracy=accuracy) for step in points]
    return [RunStarted(total_steps=steps, device="cpu", versions={}), *metrics, *evaluations]


def ending(accuracy: float = 0.7, step: int = 20, seconds: float = 1.0) -> RunFinished:
    """Return the last event of a run whose best step is its last by every rule."""
    return RunFinished(
        accuracy=accuracy,
        seconds=seconds,
        selected_step=step,
        last_step=step,
        last_accuracy=accuracy,
        hindsight_step=step,
        hindsight_accuracy=accuracy,
    )


def save_predictions(run: Run, share_right: float, rows: int = 400, classes: int = 2) -> None:
    """Predictions on ``rows`` test examples of which about that share is right, drawn by the run's own key."""
    rng = np.random.default_rng(int(run.key[:8], 16))
    gold = np.arange(rows) % classes
    wrong = (gold + rng.integers(1, classes, rows)) % classes if classes > 2 else 1 - gold
    label = np.where(rng.random(rows) < share_right, gold, wrong)
    prob = np.where(label == 1, rng.uniform(0.55, 0.95, rows), rng.uniform(0.05, 0.45, rows))
    if classes > 2:
        prob = 0.4 * np.eye(classes)[label] + 0.6 / classes
    split = np.full(rows, "test")
    predictions = Predictions(np.arange(rows), split, np.arange(rows), gold.astype(np.int8), prob.astype(np.float32))
    artifact_store().write_predictions(run.key, predictions)


def finish(run: Run, share_right: float | None = None, classes: int = 2) -> set[int]:
    """Finish a queued run without training: claim it, append its events and write its predictions."""
    claimed = claims.claim(run.pk, "worker@test")
    assert claimed is not None, f"{run} is {run.status}, not queued"
    share = share_right if share_right is not None else SKILL[run.parts.first().role]  # type: ignore[union-attr]
    save_predictions(run, share, classes=classes)
    claims.append_events(run.pk, claimed.attempt, training_events(accuracy=share))
    return claims.append_events(run.pk, claimed.attempt, [ending(share)])


def finish_all(experiment: Experiment, share_right: float | None = None, classes: int = 2) -> None:
    """Every run of the experiment, in the order in which they become ready."""
    while run := experiment.runs.filter(status=Status.QUEUED).order_by("pk").first():
        finish(run, share_right, classes)
    results.refresh_result(experiment)
    experiment.refresh_from_db()


def state_now(experiment: Experiment) -> str:
    """The state in the database, whenever ``experiment`` was read."""
    return Experiment.objects.values_list("state", flat=True).get(pk=experiment.pk)


def of(experiment: Experiment, role: Role) -> Run:
    return experiment.parts.filter(role=role)[0].run


def stopped_in_training(owner: User, checkpoint: int) -> Experiment:
    """Supervisor and ceiling have finished, the student trains, and a stop that evaluates has come to its end."""
    experiment = launched(owner, methods=[{"kind": "naive"}])
    finish(of(experiment, Role.WEAK))
    finish(of(experiment, Role.CEILING))
    student = claims.claim_next("worker0@gpu")
    assert student is not None
    saved = [CheckpointSaved(step=checkpoint)] if checkpoint else []
    claims.append_events(student.pk, student.attempt, [*training_events(), *saved])
    run_stop.stop_experiment(experiment, "ada", evaluate=True)
    claims.append_events(student.pk, student.attempt, [RunStopped(step=checkpoint)])
    experiment.refresh_from_db()
    return experiment
