"""Creating, launching, stopping, renaming, archiving and deleting experiments.

Each changes the experiment, adds an entry to the audit log, and then notifies.
"""

import time
from collections.abc import Iterable

from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.db import transaction

from training import ExperimentSpec
from webapp.access import NOT_YOUR_BLIND, sees_truth
from webapp.actions import outside
from webapp.audit.models import Verb
from webapp.audit.services import tell
from webapp.experiments import budget, lifecycle, results, run_launch, run_stop, services
from webapp.experiments.models import Experiment
from webapp.notifications import notify
from webapp.organising import services as organising
from webapp.organising.models import Project
from webapp.row_isolation import Isolated

REQUEST_SECONDS = 1.0
"""The time that a request works on a launch or a stop; the recovery completes the rest."""

TURN_SECONDS = 10.0
"""The time that the recovery works on one launch or stop before the next has its turn."""

LONGEST_NAME = 200


@transaction.atomic
def create(owner: User, spec: ExperimentSpec, parent: Experiment | None = None, project: Project | None = None) -> Experiment:
    """Store an experiment in ``project``. A clone has the tags of its ``parent``.

    Raises PermissionDenied on a blind data set of another account.
    """
    _check_blind(owner, spec.data.name)
    experiment = services.create(owner, spec, parent)
    if project:
        organising.move(experiment, project)
    if parent:
        organising.copy_tags(owner, parent, experiment)
    tell(owner, Verb.CREATED, "experiment", experiment.pk, experiment.name, **({"cloned from": parent.pk} if parent else {}))
    return experiment


def launch(experiment: Experiment, by: User) -> bool:
    """Start the runs of the experiment that are not done; the recovery completes a launch that takes longer than a request may.

    False when the broker is away: the runs start when it is back. Raises ValueError with a sentence where the experiment cannot
    be planned, or labels from outside lack rows.
    """
    _check_blind(by, experiment.spec["data"]["name"])
    outside.check_coverage(experiment.experiment_spec)
    with transaction.atomic():
        runs = run_launch.begin(experiment, by.get_username())
        tell(by, Verb.LAUNCHED, "experiment", experiment.pk, experiment.name, runs=runs)
        archive(experiment, by, archived=False)
    changed = run_launch.go_on(experiment.pk, REQUEST_SECONDS)
    experiment.refresh_from_db()
    if not experiment.transition:
        changed |= results.refresh_result(experiment)
        experiment.refresh_from_db()
    return notify(changed)


def _check_blind(user: User, dataset: str) -> None:
    """Raise PermissionDenied for an account that may not see the truth: every experiment of its own would be a look at it."""
    if not sees_truth(user, dataset):
        raise PermissionDenied(NOT_YOUR_BLIND)


def stop(experiment: Experiment, by: User, *, evaluate: bool = False) -> None:
    """Stop the experiment; the recovery completes a stop that takes longer than a request may."""
    begin_stop(experiment, by, evaluate=evaluate)
    continue_stops([experiment.pk])
    experiment.refresh_from_db()


@transaction.atomic
def begin_stop(experiment: Experiment, by: User, *, evaluate: bool = False) -> None:
    runs = run_stop.begin(experiment, by.get_username(), evaluate=evaluate)
    details = {"evaluated": True} if evaluate else {}
    tell(by, Verb.STOPPED, "experiment", experiment.pk, experiment.name, runs=runs, **details)


def continue_stops(pks: Iterable[int]) -> None:
    """Stop runs of the experiments, in turn, for as long as a request may work on it."""
    changed, end = set[int](), time.monotonic() + REQUEST_SECONDS
    for pk in pks:
        if (left := end - time.monotonic()) > 0:
            changed |= run_stop.go_on(pk, left)
    notify(changed)


def unfinished() -> list[int]:
    """Experiments whose launch or stop is not complete: in a request now, or left by a process that ended."""
    # Sorted here: for an order of its own, SQLite reads the whole table and not the index.
    return sorted(Experiment.objects.filter(transition__gt="").order_by().values_list("pk", flat=True))


def complete() -> None:
    """Complete launches and stops, some seconds of each in turn. One that fails does not delay the others."""
    _completing.all(unfinished(), _complete)


_completing = Isolated("launches and stops")


def _complete(pk: int) -> None:
    try:
        changed = run_launch.go_on(pk, TURN_SECONDS) | run_stop.go_on(pk, TURN_SECONDS)
    except ValueError as error:  # a model that was there when the launch began is not there now
        run_stop.begin(Experiment.objects.get(pk=pk), f"the laboratory, as it cannot be launched: {error}"[:LONGEST_NAME])
        changed = run_stop.go_on(pk, TURN_SECONDS)
    notify(changed)
    done = Experiment.objects.filter(pk=pk, transition="", result_due=True).first()
    if done:
        notify(results.refresh_result(done))


@transaction.atomic
def rename(experiment: Experiment, name: str, by: User) -> None:
    """Raises pydantic.ValidationError for a name that no experiment may have."""
    before = experiment.name
    lifecycle.rename(experiment, name)
    tell(by, Verb.RENAMED, "experiment", experiment.pk, experiment.name, before=before)


@transaction.atomic
def limit(experiment: Experiment, hours: float | None, by: User) -> None:
    """Set or remove the budget. Raises ValueError for a number that cannot be a budget."""
    lifecycle.limit(experiment, hours)
    tell(by, Verb.LIMITED, "experiment", experiment.pk, experiment.name, hours="no limit" if hours is None else hours)


def stop_used_up() -> None:
    """Stop the experiments that have used up their budget; results, events and checkpoints stay."""
    limited = list(budget.limited().values_list("pk", flat=True))
    for changed in _budgets.each(limited, _stop_used_up, budget.note_error):
        notify(changed)


_budgets = Isolated("budgets")


def _stop_used_up(pk: int) -> set[int]:
    experiment = Experiment.objects.get(pk=pk)
    used_up = budget.used_up(experiment)
    budget.note_error(pk, "")
    if not used_up:
        return set()
    run_stop.begin(experiment, f"its budget of {experiment.budget_hours:g} accelerator-hours")
    return run_stop.go_on(pk, REQUEST_SECONDS)


@transaction.atomic
def archive(experiment: Experiment, by: User, *, archived: bool) -> bool:
    """Hide the experiment from lists, or show it again. Return False if nothing changes.

    Raises lifecycle.AtWork while runs of the experiment train or wait.
    """
    changes = lifecycle.archive(experiment, archived)
    if changes:
        tell(by, Verb.ARCHIVED if archived else Verb.UNARCHIVED, "experiment", experiment.pk, experiment.name)
    return changes


@transaction.atomic
def delete(experiment: Experiment, by: User) -> None:
    """Raises lifecycle.AtWork while runs of the experiment train or wait."""
    pk, owner = experiment.pk, experiment.owner.get_username()
    lifecycle.delete(experiment)
    tell(by, Verb.DELETED, "experiment", pk, experiment.name, owner=owner)
