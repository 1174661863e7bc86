"""Stops of an experiment or a single run: trainers are asked to stop, and runs that do not train yet stop at once."""

from collections.abc import Sequence

from django.db.models import Exists, OuterRef, QuerySet
from django.db.models.functions import Now

from training.events import Event as RunEvent
from training.events import RunStopped, StopRequested
from webapp.experiments.bulk import append, lock
from webapp.experiments.changes import changing, experiment_changed
from webapp.experiments.dependents import rest
from webapp.experiments.models import Experiment, Part, Run, Status, Transition
from webapp.experiments.transitions import CHUNK, FIELDS, advance, end

STOPPABLE = (Status.WAITING, Status.QUEUED, Status.RUNNING)


def stop_experiment(experiment: Experiment, by: str, *, evaluate: bool = False) -> set[int]:
    """Stop the runs that no other running experiment needs. Finished runs stay."""
    begin(experiment, by, evaluate=evaluate)
    changed = go_on(experiment.pk)
    experiment.refresh_from_db()
    return changed


@changing()
def begin(experiment: Experiment, by: str, *, evaluate: bool = False) -> int:
    """Store that the experiment is stopped, and return the number of runs to stop.

    With ``evaluate``, runs in training are evaluated at their last checkpoint, for a result that is marked as partial.
    """
    row = Experiment.objects.select_for_update().annotate(now=Now()).defer("triplets", "result").get(pk=experiment.pk)
    row.stopped_at, row.evaluates = row.now, evaluate
    total = _stoppable(row).values("run").distinct().count()
    row.transition, row.transition_by, row.transition_done, row.transition_total = Transition.STOPPING, by, 0, total
    row.save(update_fields=["stopped_at", "evaluates", *FIELDS])
    experiment_changed(row.pk)
    return total


def _stoppable(row: Experiment) -> QuerySet[Part]:
    """Parts whose runs can be stopped and that no other running experiment needs."""
    same_run = Part.objects.filter(run=OuterRef("run")).exclude(experiment=row)
    others = same_run.filter(experiment__launched_at__isnull=False, experiment__stopped_at=None)
    return Part.objects.filter(~Exists(others), experiment=row, run__status__in=STOPPABLE)


def go_on(experiment_id: int, seconds: float | None = None) -> set[int]:
    """Continue a stop; see transitions.advance."""
    return advance(experiment_id, Transition.STOPPING, _choose, _step, seconds)


def _choose(row: Experiment) -> list[Run]:
    """Return the next runs, locked, the last in the plan first, so that no waiting run is queued before it is stopped."""
    ids = list(_stoppable(row).order_by("-position").values_list("run_id", flat=True)[:CHUNK])
    return lock(Run.objects.filter(pk__in=ids))


def _step(row: Experiment, runs: list[Run]) -> set[int]:
    changed = _stop(runs, row.transition_by)
    row.transition_done += len(runs)
    if not _stoppable(row).exists():
        end(row)
    row.save(update_fields=FIELDS)
    experiment_changed(row.pk)
    return changed


@changing()
def stop_run(run: Run, by: str) -> set[int]:
    return _stop(lock(Run.objects.filter(pk=run.pk)), by)


def _stop(runs: Sequence[Run], by: str) -> set[int]:
    events: list[tuple[Run, list[RunEvent]]] = []
    for run in runs:
        if run.status == Status.RUNNING:
            events.append((run, [StopRequested(by=by)]))
        elif run.status in STOPPABLE:
            events.append((run, [StopRequested(by=by), RunStopped(step=run.step)]))
    append(events)
    return {run.pk for run, _ in events} | rest([run for run, _ in events])
