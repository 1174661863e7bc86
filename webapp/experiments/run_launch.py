"""Launches: an experiment gets its runs. Finished runs are shared, stopped and failed runs go on, new runs are queued."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime
from itertools import islice

from django.db.models import QuerySet
from django.db.models.functions import Now

from training import Plan, Triplet, make_plan
from webapp.experiments.bulk import create_runs, lock
from webapp.experiments.changes import changing, parts_changed
from webapp.experiments.dependents import start
from webapp.experiments.imported_runs import with_accepted
from webapp.experiments.models import COMPARED, Experiment, Part, Role, Run, Status, Transition
from webapp.experiments.transitions import CHUNK, FIELDS, advance, end

Places = Mapping[str, tuple[int, tuple[Role, ...]]]


def launch(experiment: Experiment) -> set[int]:
    """Begin a launch and complete it. Raises ValueError with a sentence where it cannot be planned."""
    begin(experiment)
    changed = go_on(experiment.pk)
    experiment.refresh_from_db()
    return changed


@changing()
def begin(experiment: Experiment, by: str = "") -> int:
    """Store that the experiment is launched, and return how many of its runs are neither finished nor at work.

    Raises ValueError with a sentence where it cannot be planned, as for a model that has been removed.
    """
    plan = with_accepted(make_plan(experiment.experiment_spec))
    row = Experiment.objects.select_for_update().get(pk=experiment.pk)
    _plan(row, plan)
    row.launched_at, row.stopped_at, row.ended_at, row.evaluates = _clock(row), None, None, False
    row.transition_by = by
    row.save(update_fields=["triplets", "launched_at", "stopped_at", "ended_at", "evaluates", *FIELDS])
    statuses = (Status.FINISHED, Status.QUEUED, Status.RUNNING, Status.STOPPING)
    return len(plan.runs) - sum(runs.filter(status__in=statuses).count() for runs in _known(plan))


def _plan(row: Experiment, plan: Plan) -> None:
    """Begin at the first run of ``plan``, and remove runs from the experiment that are not planned."""
    ids = set().union(*(runs.values_list("pk", flat=True) for runs in _known(plan)))
    others = [pk for pk, run in row.parts.values_list("pk", "run_id") if run not in ids]  # such as evaluated beginnings
    Part.objects.filter(pk__in=others).delete()
    parts_changed(row.pk)
    row.triplets = [vars(triplet) for triplet in plan.triplets]
    row.transition, row.transition_done, row.transition_total = Transition.LAUNCHING, 0, len(plan.runs)


def _known(plan: Plan) -> Iterable[QuerySet[Run]]:
    """Yield the planned runs that exist, in parts that are small enough for one query."""
    keys = iter(plan.runs)
    while chunk := list(islice(keys, 1000)):
        yield Run.objects.filter(key__in=chunk)


def go_on(experiment_id: int, seconds: float | None = None) -> set[int]:
    """Continue a launch; see transitions.advance. Raises ValueError as ``begin`` does."""
    experiment = Experiment.objects.filter(pk=experiment_id, transition=Transition.LAUNCHING).first()
    if experiment is None:
        return set()
    plan = with_accepted(make_plan(experiment.experiment_spec))
    places = places_of(plan.triplets, plan.runs)
    if experiment.triplets != [vars(triplet) for triplet in plan.triplets]:
        with changing():  # a model or a data set has changed since the launch began
            row = Experiment.objects.select_for_update().get(pk=experiment_id)
            _plan(row, plan)
            row.save(update_fields=["triplets", *FIELDS])
    return advance(
        experiment_id,
        Transition.LAUNCHING,
        lambda row: _choose(row, plan),
        lambda row, runs: _step(row, runs, places),
        seconds,
    )


def _choose(row: Experiment, plan: Plan) -> list[Run]:
    """Return the next runs of the plan, in its order, locked; runs that do not exist yet are created."""
    specs = dict(islice(plan.runs.items(), row.transition_done, row.transition_done + CHUNK))
    create_runs(specs)
    runs = {run.key: run for run in lock(Run.objects.filter(key__in=specs))}
    return [runs[key] for key in specs]


def _step(row: Experiment, runs: list[Run], places: Places) -> set[int]:
    """Make the runs parts of the experiment, queued or waiting."""
    give_parts(row, places, {run.key: run for run in runs})
    stops = [run.stop_asked_at for run in runs if run.status == Status.STOPPING and run.stop_asked_at]
    if row.launched_at and stops and max(stops) >= row.launched_at:
        row.launched_at = _clock(row)  # another experiment was stopped meanwhile, before this one had these parts
    changed = start(runs)
    row.transition_done += len(runs)
    if row.transition_done >= row.transition_total:
        end(row)
        row.result_due = row.runs.filter(status=Status.FINISHED).exists()
    row.save(update_fields=["launched_at", "result_due", *FIELDS])
    return changed


def places_of(triplets: Iterable[Triplet], keys: Iterable[str]) -> Places:
    """Return the place of each run in the plan and its roles in the triplets, by key, in the order of the plan."""
    roles: defaultdict[str, dict[Role, None]] = defaultdict(dict)
    for triplet in triplets:
        for role in COMPARED:
            roles[getattr(triplet, role)][role] = None
    return {key: (index, tuple(roles.get(key, (Role.FURTHER,)))) for index, key in enumerate(keys)}


def give_parts(experiment: Experiment, places: Places, runs: Mapping[str, Run]) -> None:
    """Add locked ``runs``, by key, to the experiment in their places."""
    parts = [
        Part(experiment=experiment, run=run, role=role, position=places[key][0])
        for key, run in runs.items()
        for role in places[key][1]
    ]
    Part.objects.bulk_create(parts, ignore_conflicts=True)
    parts_changed(experiment.pk)


def _clock(row: Experiment) -> datetime:
    """The database's time, since it is compared with times that other machines wrote."""
    now: datetime = Experiment.objects.values_list(Now(), flat=True).get(pk=row.pk)
    return now
