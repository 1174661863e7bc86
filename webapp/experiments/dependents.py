"""What becomes of runs by what became of others: which start, and what follows when some come to rest."""

from collections import defaultdict
from collections.abc import Iterable, Sequence

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, F, OuterRef, QuerySet
from django.db.models.functions import Now

from training import RunSpec, Store
from training.events import Event as RunEvent
from training.events import RunFailed, RunQueued, RunStopped, RunWaiting
from webapp.experiments.bulk import Needs, append, create_runs, lock
from webapp.experiments.models import ACTIVE, COMPARED, Event, Experiment, Part, Run, Status, Transition
from webapp.row_isolation import Isolated


def start(runs: Sequence[Run]) -> set[int]:
    """Queues those of the locked runs that can start, and sets those to wait that must; each comes after those it needs.

    One that needs what has failed or was stopped since it was itself started, fails or stops with it.
    """
    store, changed = Store(settings.ARTIFACTS_DIR), set()
    needs, status, events = _needs(runs), _statuses(runs), list[tuple[Run, list[RunEvent]]]()
    for run in runs:
        if run.imported:
            continue  # it was trained elsewhere, and is nothing that could be trained here
        gone = run.status == Status.FINISHED and not store.finished(run.key)
        again = gone or run.status in (Status.STOPPED, Status.FAILED)
        if not again and run.status != Status.WAITING:
            continue
        found = {need: status[need] for need in needs[run.pk]}
        if all(one == Status.FINISHED for one in found.values()):
            events.append((run, [RunQueued()]))
            status[run.pk] = Status.QUEUED
        elif broken := [need for need, one in found.items() if one in (Status.FAILED, Status.STOPPED)]:
            events.append((run, [_with(Run.objects.get(pk=broken[0]))]))
            status[run.pk] = Status.WAITING  # what needs it falls with it below
        elif again:
            events.append((run, [RunWaiting()]))
            status[run.pk] = Status.WAITING
        changed.add(run.pk)
    append(events)
    return changed | rest([run for run, _ in events])


def ready(run: Run) -> bool:
    """Whether all that it needs has finished."""
    return not run.needs.exclude(status=Status.FINISHED).exists()


def _needs(runs: Iterable[Run]) -> dict[int, list[int]]:
    """The ids of the runs that each one needs."""
    found: defaultdict[int, list[int]] = defaultdict(list)
    for run, need in Needs.objects.filter(from_run__in=[run.pk for run in runs]).values_list("from_run_id", "to_run_id"):
        found[run].append(need)
    return found


def _statuses(runs: Sequence[Run]) -> dict[int, str]:
    """The status of the runs and of all that they need."""
    needed = Needs.objects.filter(from_run__in=[run.pk for run in runs])
    return dict(needed.values_list("to_run_id", "to_run__status")) | {run.pk: run.status for run in runs}


def _with(cause: Run) -> RunEvent:
    """The end of a run that needs ``cause``, which failed or was stopped."""
    if cause.status == Status.STOPPED:
        return RunStopped(step=0)
    return RunFailed(error=f"Run {cause.pk}, which labels for this one, failed: {cause.error}")


def settle(runs: Sequence[Run]) -> set[int]:
    """What follows when locked runs have come to rest: those that are wanted again are queued, for the others see ``rest``."""
    stopped = [run.pk for run in runs if run.status == Status.STOPPED]
    wanted = _wanted_since(stopped) if stopped else set()
    append((run, [RunQueued()]) for run in runs if run.pk in wanted)
    return rest([run for run in runs if run.pk not in wanted])


def _wanted_since(ids: Sequence[int]) -> set[int]:
    """Those that an experiment needs which was launched after they had been asked to stop."""
    launched = Run.objects.filter(pk__in=ids, experiments__stopped_at=None, experiments__launched_at__gt=F("stop_asked_at"))
    return set(launched.values_list("pk", flat=True))


def rest(runs: Iterable[Run]) -> set[int]:
    """Dependents are released or fall with a run that came to rest, and experiments note their end.

    None of these runs is started again: who wants a run wants those that label for it, and was asked there.
    """
    changed: set[int] = set()
    ended: list[Run] = []
    while runs := [run for run in runs if run.status not in ACTIVE]:
        ended += runs
        runs = _follow({run.pk: run for run in runs})
        changed |= {run.pk for run in runs}
    if ended:
        finished = [run.pk for run in ended if run.status == Status.FINISHED]
        if finished:
            Experiment.objects.filter(runs__in=finished).update(result_due=True)
        stopped = [run.pk for run in ended if run.status == Status.STOPPED]
        if stopped:
            evaluating = Experiment.objects.filter(runs__in=stopped, evaluates=True, stopped_at__isnull=False).distinct()
            found = list(evaluating.values_list("pk", flat=True))
            changed |= set().union(*_evaluating.each(found, lambda pk: _evaluate(pk, stopped), note_result_error))
        note_rest(Experiment.objects.filter(pk__in=Part.objects.filter(run__in=[run.pk for run in ended]).values("experiment")))
    return changed


def _follow(causes: dict[int, Run]) -> list[Run]:
    """The runs that waited for one of ``causes``, by id, and wait no longer."""
    waiting = Needs.objects.filter(to_run__in=list(causes), from_run__status=Status.WAITING)
    needs: defaultdict[int, list[Run]] = defaultdict(list)
    for waits_id, cause_id in waiting.order_by("to_run").values_list("from_run_id", "to_run_id"):
        needs[waits_id].append(causes[cause_id])
    if not needs:
        return []
    unready = Needs.objects.filter(from_run__in=list(needs)).exclude(to_run__status=Status.FINISHED)
    blocked = set(unready.values_list("from_run_id", flat=True))
    events: list[tuple[Run, list[RunEvent]]] = []
    for run in lock(Run.objects.filter(pk__in=list(needs), status=Status.WAITING)):
        broken = next((need for need in needs[run.pk] if need.status != Status.FINISHED), None)
        if broken:
            events.append((run, [_with(broken)]))
        elif run.pk not in blocked:
            events.append((run, [RunQueued()]))
    append(events)
    return [run for run, _ in events]


_evaluating = Isolated("evaluating what was stopped", first=0)


def note_result_error(experiment_id: int, error: str) -> None:
    """Of an experiment whose own record cannot be read. It comes to rest with this error, and a launch tries it again."""
    said = f"The record of this experiment is damaged. {error}"
    Experiment.objects.filter(pk=experiment_id).update(result_error=said, result_due=False)


@transaction.atomic
def _evaluate(experiment_id: int, ids: Sequence[int]) -> set[int]:
    """Puts the beginnings of stopped runs, up to their last checkpoint, in their places in the experiment.

    Each is a run of its own, with a key of its own: nobody who needs the whole run takes it for that.
    """
    places = Part.objects.filter(experiment=experiment_id, run__in=ids, role__in=COMPARED)
    specs = _beginnings(set(places.values_list("run_id", flat=True)))
    if not specs:
        return set()
    create_runs({spec.key(): spec for spec in specs.values()})
    rows = {run.key: run for run in lock(Run.objects.filter(key__in=[spec.key() for spec in specs.values()]))}
    keys = dict(Run.objects.filter(pk__in=specs).values_list("pk", "key"))
    for pk, spec in specs.items():
        places.filter(run=pk).update(run=rows[spec.key()])
    instead = {keys[pk]: spec.key() for pk, spec in specs.items()}
    experiment = Experiment.objects.select_for_update().get(pk=experiment_id)
    experiment.triplets = [
        {**one, **{role: instead[one[role]] for role in COMPARED if one[role] in instead}} for one in experiment.triplets
    ]
    experiment.result_due = experiment.result_due or any(run.status == Status.FINISHED for run in rows.values())
    experiment.save(update_fields=["triplets", "result_due"])
    return start(list(rows.values()))


def _beginnings(ids: Iterable[int]) -> dict[int, RunSpec]:
    """By id, of those of the runs that have a checkpoint."""
    saved = Event.objects.filter(run__in=list(ids), payload__kind="checkpoint").order_by("seq")
    steps = {run: payload["step"] for run, payload in saved.values_list("run_id", "payload") if payload["step"]}
    found = Run.objects.filter(pk__in=steps)
    return {run.pk: run.run_spec.model_copy(update={"stop_at": steps[run.pk]}) for run in found}


def note_rest(experiments: QuerySet[Experiment]) -> None:
    """Those of the experiments end of which nothing is at work, or waits; not while one still gets its runs."""
    at_work = Part.objects.filter(experiment=OuterRef("pk"), run__status__in=ACTIVE)
    resting = experiments.filter(~Exists(at_work), ended_at=None).exclude(transition=Transition.LAUNCHING)
    resting.update(ended_at=Now())
