"""Experiments whose events agree with their predictions on their own test set, and imports of their archives."""

import shutil
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
from django.conf import settings
from django.contrib.auth.models import User

from tests.factories import claims
from tests.factories.experiments import SKILL, launched
from training import RunSpec, catalog
from training.engine.data.examples import from_table
from training.engine.data.split import split_for
from training.engine.targets.supervisor_labels import share
from training.events import EvaluationLogged, Event, MetricLogged, RunFinished, RunStarted
from training.redaction import renamed
from training.spec import GROUND_TRUTH
from training.storage.archive import Broken
from training.storage.predictions import Predictions, Trajectory
from training.storage.probabilities import labels_of
from webapp.artifact_store import artifact_store
from webapp.experiments import archive_imports, results
from webapp.experiments.imported_runs import exported_keys
from webapp.experiments.models import ArchiveImport, Experiment, ImportState, Run, Status
from webapp.experiments.models import Event as EventRow
from webapp.jobs import chores

STEPS = np.array([0, 10, 20])


@cache
def examples() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Ids, labels and groups of the embedded data set."""
    table = from_table(pq.ParquetFile(catalog.dataset("movie-reviews").path).read())
    return table.id, table.label, table.group


def said(run: RunSpec, key: str, skill: float) -> tuple[Predictions, Trajectory]:
    """Return the predictions of a run whose answers are right with this probability, drawn by its key."""
    ids, labels, groups = examples()
    split = split_for(run, groups)
    parts = {"transfer": split.b.rows, "test": split.test, "locked": split.locked}
    rows = np.concatenate(list(parts.values()))
    rng, gold = np.random.default_rng(int(key[:8], 16)), labels[rows]
    label = np.where(rng.random(len(rows)) < skill, gold, 1 - gold)
    prob = np.where(label == 1, rng.uniform(0.55, 0.95, len(rows)), rng.uniform(0.05, 0.45, len(rows))).astype(np.float32)
    names = np.repeat(list(parts), [len(part) for part in parts.values()])
    made = Predictions(ids[rows], names, groups[rows], gold, prob)
    test = made.part("test")
    course = np.stack([np.full_like(test.prob, 0.5), 1 - test.prob, test.prob])
    return made, Trajectory(STEPS, test.id, course, np.array([0.4, 0.5, 0.6]), 20)


def together(made: Predictions, course: Trajectory, members: Sequence[Predictions]) -> tuple[Predictions, Trajectory]:
    """Return the predictions of an ensemble at the last step, the mean of its members."""
    prob = np.stack([run_predictions.prob for run_predictions in members]).mean(axis=0, dtype=np.float64).astype(np.float32)
    made = replace(made, prob=prob)
    path = course.prob.copy()
    path[-1] = made.part("test").prob
    return made, replace(course, prob=path)


def events_of(made: Predictions, course: Trajectory, supervisor: Predictions | None) -> list[Event]:
    """Return the events of such a run from its start to its end."""
    test = made.part("test")
    supervised = None if supervisor is None else supervisor.part("test").label
    events: list[Event] = [RunStarted(total_steps=20, device="cpu", versions={"torch": "2"})]
    for at, step in enumerate(course.steps.tolist()):
        label = labels_of(course.prob[at])
        accuracy, validation = float((label == test.gold).mean()), float(course.validation[at])
        event = EvaluationLogged(step=step, accuracy=accuracy, validation_accuracy=validation, validation_loss=0.5)
        if supervised is not None:
            same, right = label == supervised, supervised == test.gold
            agreement = {"agreement": share(same), "agreement_right": share(same[right]), "agreement_wrong": share(same[~right])}
            event = event.model_copy(update=agreement)
        events += [MetricLogged(step=step, loss=0.5, lr=1e-3), event] if step else [event]
    best = course.hindsight(test.gold)
    end = RunFinished(
        accuracy=float(test.right.mean()),
        seconds=1.0,
        selected_step=20,
        last_step=20,
        last_accuracy=course.accuracy(20, test.gold),
        hindsight_step=best,
        hindsight_accuracy=course.accuracy(best, test.gold),
    )
    return [*events, end]


def train(run: Run, skill: float | None = None) -> None:
    """Finish a queued run without training, with events that agree with its predictions."""
    claimed = claims.claim(run.pk, "worker@test")
    assert claimed is not None, f"{run} is {run.status}, not queued"
    spec, store = run.run_spec, artifact_store()
    made, course = said(spec, run.key, skill or SKILL[run.parts.first().role])  # type: ignore[union-attr]
    if spec.members:
        made, course = together(made, course, [store.read_predictions(key) for key in spec.members])
    store.write_trajectory(run.key, course)
    store.write_predictions(run.key, made)
    supervisor = None if spec.labels == GROUND_TRUTH else store.read_predictions(spec.labels)
    claims.append_events(run.pk, claimed.attempt, events_of(made, course, supervisor))


def train_all(experiment: Experiment, skill: float | None = None) -> None:
    """Every run of the experiment, in the order in which they become ready."""
    while run := experiment.runs.filter(status=Status.QUEUED).order_by("pk").first():
        train(run, skill)
        results.refresh_results([run.pk])
    experiment.refresh_from_db()


def trained(owner: User, **changes: object) -> Experiment:
    experiment = launched(owner, **changes)
    train_all(experiment)
    return experiment


def sent(owner: User, archive: Path) -> ArchiveImport:
    """An import of a copy of the archive, after the worker's work on it."""
    copy = archive.with_suffix(".copy")
    copy.write_bytes(archive.read_bytes())
    archive_imports.receive(owner, copy, archive.name)
    return worked()


def worked() -> ArchiveImport:
    """The next queued import, after the worker's work on it."""
    queued = ArchiveImport.objects.filter(state=ImportState.QUEUED).order_by("pk")[0]
    chores.work()
    queued.refresh_from_db()
    return queued


def bring(owner: User, archive: Path) -> Experiment:
    """The experiment that the archive becomes. Raises Broken with what is wrong with it."""
    row = sent(owner, archive)
    if row.state == ImportState.FAILED:
        raise Broken(*row.problems)
    assert row.experiment is not None
    return row.experiment


def shown(experiment: Experiment) -> dict[str, object]:
    runs = experiment.parts.order_by("position", "role")
    events = EventRow.objects.filter(run__in=experiment.runs.all()).order_by("seq")
    names = exported_keys(experiment.runs.all())
    return {
        "name": experiment.name,
        "spec": experiment.spec,
        "result": renamed(experiment.result or {}, names),
        "triplets": [renamed(triplet, names) for triplet in experiment.triplets],
        "ended": experiment.ended_at,
        "parts": [
            (part.role, names[part.run.key], part.run.status, part.run.accuracy, part.run.seconds, part.run.step) for part in runs
        ],
        "events": sorted((names[key], *rest) for key, *rest in events.values_list("run__key", "seq", "attempt", "at")),
        "payloads": {(names[event.run.key], event.seq): leaving(event.payload) for event in events.select_related("run")},
    }


def leaving(payload: dict[str, object]) -> dict[str, object]:
    """An event without what an archive leaves out: which worker it was, and the log of a failure."""
    return {name: value for name, value in payload.items() if name not in ("worker", "log")}


def empty() -> User:
    """Empty the installation, and return its only account."""
    Experiment.objects.all().delete()
    Run.objects.all().delete()
    shutil.rmtree(settings.ARTIFACTS_DIR)
    return User.objects.create_user("grace")
