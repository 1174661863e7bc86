"""Runs with events of every kind, and what every reader of events says of them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from django.contrib.auth.models import User

from tests.factories import claims
from tests.factories.artifacts import trajectory
from tests.factories.experiments import ending, launched, save_predictions
from training.events import CheckpointSaved, EvaluationLogged, Event, MetricLogged, Progress, RunStarted, SystemSampled
from webapp.archives.export import write
from webapp.artifact_store import artifact_store
from webapp.experiments import compaction, new_events, queries, results, services, system_samples
from webapp.experiments.budget import spent_hours
from webapp.experiments.models import Event as EventRow
from webapp.experiments.models import Experiment, Run, Status
from webapp.findings import run_curves
from webapp.findings.curves import run_rows
from webapp.pages.experiments.timeline import lines_of

STEPS = 40


def said(steps: int = STEPS) -> list[Event]:
    """Return the events of a trainer before its last one: of every kind that it and its worker report."""
    events: list[Event] = [Progress(phase="features", done=5, total=10)]
    events.append(RunStarted(total_steps=steps, device="cpu", versions={"torch": "2.0"}))
    for step in range(1, steps + 1):
        events.append(MetricLogged(step=step, loss=1 / (3 * step), lr=1e-3, examples=8 * step))
        if step % 10 == 0:
            events += [EvaluationLogged(step=step, accuracy=0.5 + step / 1000), SystemSampled(step=step, cores=1.5, memory=2**33)]
            events.append(CheckpointSaved(step=step))
    return events


def train(run: Run) -> None:
    claimed = claims.claim(run.pk, "worker@test")
    assert claimed, run.status
    save_predictions(run, 0.7)
    artifact_store().write_trajectory(run.key, trajectory())
    claims.append_events(run.pk, claimed.attempt, said())
    claims.append_events(run.pk, claimed.attempt, [ending(step=STEPS)])


def trained(owner: User, **changes: object) -> Experiment:
    """Return a finished experiment of three runs."""
    experiment = launched(owner, methods=[{"kind": "naive"}], **changes)
    while run := experiment.runs.filter(status=Status.QUEUED).order_by("pk").first():
        train(run)
    results.refresh_result(experiment)
    experiment.refresh_from_db()
    return experiment


def compact_all(experiment: Experiment) -> int:
    """Move the events of all its runs, and have curves read again."""
    moved = sum(compaction.compact(run.pk) for run in experiment.runs.distinct())
    run_curves.CACHE = run_curves.RunCurvesCache(run_curves.MOST_CACHED)
    return moved


def every_event(run_id: int) -> list[dict[str, Any]]:
    """Return all events of a run, read in pages of seven."""
    events: list[dict[str, Any]] = []
    while page := queries.events_after(run_id, events[-1]["seq"] if events else 0, limit=7):
        events += page
    return events


def _exported(experiment: Experiment, folder: Path) -> tuple[str, list[bytes]]:
    content = write(experiment, folder)
    return content, [path.read_bytes() for path in sorted(folder.rglob("events.jsonl"))]


def _ids(experiment: Experiment) -> list[int]:
    return list(experiment.runs.order_by("pk").distinct().values_list("pk", flat=True))


def _runs(experiment: Experiment) -> list[Run]:
    return list(experiment.runs.order_by("pk").distinct())


READERS: dict[str, Callable[[Experiment, Path], Any]] = {
    "pages of events": lambda experiment, _: [every_event(pk) for pk in _ids(experiment)],
    "new events": lambda experiment, _: new_events.new_events(dict.fromkeys(_ids(experiment), 0)),
    "new events after some": lambda experiment, _: new_events.new_events(dict.fromkeys(_ids(experiment), 25)),
    "measurements": lambda experiment, _: [list(queries.measurements(pk, 3, 50)) for pk in _ids(experiment)],
    "newest": lambda experiment, _: queries.newest(_ids(experiment)),
    "curves": lambda experiment, _: run_curves.wired({}, _runs(experiment)),
    "zoomed curves": lambda experiment, _: run_curves.between(_runs(experiment), 5, 20),
    "rows of curves": lambda experiment, _: [row for run in _runs(experiment) for row in run_rows(run, {})],
    "samples": lambda experiment, _: [system_samples.samples_of(pk) for pk in _ids(experiment)],
    "samples of a page": lambda experiment, _: system_samples.samples_for_page(dict.fromkeys(_ids(experiment), 45)),
    "most samples": lambda experiment, _: system_samples.most_samples(_ids(experiment)),
    "events of a recorder": lambda experiment, _: [services.recorded(pk, 1) for pk in _ids(experiment)],
    "timeline": lambda experiment, _: lines_of(queries.timeline(_runs(experiment))),
    "budget": lambda experiment, _: spent_hours(experiment),
    "archive": lambda experiment, folder: _exported(experiment, folder),
    "statuses": lambda experiment, _: list(experiment.runs.order_by("pk").values_list("status", "accuracy", "step")),
}


def rows_left(run_id: int) -> list[str]:
    """Return the kinds of the events of a run in the table."""
    return list(EventRow.objects.filter(run=run_id).order_by("seq").values_list("payload__kind", flat=True))
