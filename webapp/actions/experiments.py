"""Making, launching, stopping, renaming and deleting, for every door: the record, the trail of who did it, then the queue."""

from django.contrib.auth.models import User
from django.db import transaction

from training import ExperimentSpec
from webapp.audit.models import Verb
from webapp.audit.services import tell
from webapp.experiments import budget, lifecycle, queue, run_launch, run_stop, services, workers
from webapp.experiments.models import Experiment, Priority, Run, Worker
from webapp.jobs.dispatch import announce, call
from webapp.row_isolation import Isolated

CLICK_SECONDS = 1.0
"""How long a click works on a launch or a stop by itself."""

TURN_SECONDS = 10.0
"""How long one launch or stop may take the recovery before the next has its turn."""

LONGEST_NAME = 200


@transaction.atomic
def create(owner: User, spec: ExperimentSpec, parent: Experiment | None = None) -> Experiment:
    experiment = services.create(owner, spec, parent)
    tell(owner, Verb.CREATED, "experiment", experiment.pk, experiment.name, **({"cloned from": parent.pk} if parent else {}))
    return experiment


def launch(experiment: Experiment, by: User) -> bool:
    """Starts what is new in the experiment; what takes longer than a click may, the recovery completes.

    False when the broker is away: the runs are kept and start when it is back. Raises ValueError with a sentence where the
    experiment cannot be planned.
    """
    with transaction.atomic():
        runs = run_launch.begin(experiment, by.get_username())
        tell(by, Verb.LAUNCHED, "experiment", experiment.pk, experiment.name, runs=runs)
    changed = run_launch.go_on(experiment.pk, CLICK_SECONDS)
    experiment.refresh_from_db()
    if not experiment.transition:
        changed |= services.refresh_result(experiment)
        experiment.refresh_from_db()
    return announce(changed)


def stop(experiment: Experiment, by: User, *, evaluate: bool = False) -> None:
    """Stops the experiment; what takes longer than a click may, the recovery completes."""
    with transaction.atomic():
        runs = run_stop.begin(experiment, by.get_username(), evaluate=evaluate)
        told = {"evaluated": True} if evaluate else {}
        tell(by, Verb.STOPPED, "experiment", experiment.pk, experiment.name, runs=runs, **told)
    changed = run_stop.go_on(experiment.pk, CLICK_SECONDS)
    experiment.refresh_from_db()
    announce(changed)


def unfinished() -> list[int]:
    """Experiments that are being launched or stopped: by somebody's click, or left by one whose process ended."""
    return list(Experiment.objects.exclude(transition="").order_by("pk").values_list("pk", flat=True))


def complete() -> None:
    """Completes launches and stops, some seconds of each in turn. One that cannot be holds up no other."""
    _completing.all(unfinished(), _complete)


_completing = Isolated("launches and stops")


def _complete(pk: int) -> None:
    try:
        changed = run_launch.go_on(pk, TURN_SECONDS) | run_stop.go_on(pk, TURN_SECONDS)
    except ValueError as error:  # a model that was there when the launch began is not there now
        run_stop.begin(Experiment.objects.get(pk=pk), f"the laboratory, as it cannot be launched: {error}"[:LONGEST_NAME])
        changed = run_stop.go_on(pk, TURN_SECONDS)
    announce(changed)
    done = Experiment.objects.filter(pk=pk, transition="", result_due=True).first()
    if done:
        announce(services.refresh_result(done))


def stop_run(run: Run, by: User) -> None:
    with transaction.atomic():
        changed = services.stop_run(run, by.get_username())
        first = run.experiments.order_by("pk").first()
        tell(by, Verb.STOPPED, "run", run.pk, first.name if first else "", runs=len(changed))
    announce(changed)


@transaction.atomic
def pause(by: User, why: str) -> None:
    """No worker takes a run until the queue is resumed; what trains goes on."""
    queue.pause(by, why)
    tell(by, Verb.PAUSED, "queue", "", "", **({"why": why} if why else {}))


def resume(by: User) -> None:
    with transaction.atomic():
        if queue.resume():
            tell(by, Verb.RESUMED, "queue", "")
    call(len(queue.queued_run_ids()))


def drain(worker: Worker, by: User, *, draining: bool) -> None:
    """A worker that is drained ends what it trains and takes nothing more, until it is let work again."""
    with transaction.atomic():
        if workers.drain(worker, draining=draining):
            tell(by, Verb.DRAINED if draining else Verb.UNDRAINED, "worker", worker.pk, worker.name)
    if not draining:
        call(len(queue.queued_run_ids()))


@transaction.atomic
def prioritize(experiment: Experiment, priority: Priority, by: User) -> None:
    before = Priority(experiment.priority)
    queue.prioritize(experiment, priority)
    if before != priority:
        changed = {"priority": priority.label, "before": before.label}
        tell(by, Verb.MOVED, "experiment", experiment.pk, experiment.name, **changed)


@transaction.atomic
def move(experiment: Experiment, to: str | int, by: User) -> None:
    queue.move(experiment, to)
    where = {"before": to} if isinstance(to, int) else {"to": to}
    tell(by, Verb.MOVED, "experiment", experiment.pk, experiment.name, **where)


@transaction.atomic
def rename(experiment: Experiment, name: str, by: User) -> None:
    """Raises pydantic.ValidationError for a name that no experiment may have."""
    before = experiment.name
    lifecycle.rename(experiment, name)
    tell(by, Verb.RENAMED, "experiment", experiment.pk, experiment.name, before=before)


@transaction.atomic
def limit(experiment: Experiment, hours: float | None, by: User) -> None:
    """Raises ValueError for a number that is no budget."""
    lifecycle.limit(experiment, hours)
    tell(by, Verb.LIMITED, "experiment", experiment.pk, experiment.name, hours="no limit" if hours is None else hours)


def stop_used_up() -> None:
    """Stops the experiments that have used up their budget; results, points and checkpoints are kept."""
    limited = list(budget.limited().values_list("pk", flat=True))
    for changed in _budgets.each(limited, _stop_used_up, budget.note_error):
        announce(changed)


_budgets = Isolated("budgets")


def _stop_used_up(pk: int) -> set[int]:
    experiment = Experiment.objects.get(pk=pk)
    used_up = budget.used_up(experiment)
    budget.note_error(pk, "")
    if not used_up:
        return set()
    run_stop.begin(experiment, f"its budget of {experiment.budget_hours:g} accelerator-hours")
    return run_stop.go_on(pk, CLICK_SECONDS)


@transaction.atomic
def delete(experiment: Experiment, by: User) -> None:
    """Raises keeping.AtWork while something of it trains or waits."""
    pk, owner = experiment.pk, experiment.owner.get_username()
    lifecycle.delete(experiment)
    tell(by, Verb.DELETED, "experiment", pk, experiment.name, owner=owner)
