"""Dependencies between runs: the start of runs whose needs have finished, and the consequences when runs end."""

from collections import defaultdict
from collections.abc import Iterable, Sequence

from django.db.models import F

from training import RunSpec
from training.events import Event as RunEvent
from training.events import RunFailed, RunQueued, RunStopped, RunWaiting
from webapp.artifact_store import artifact_store
from webapp.experiments.bulk import Needs, append, create_runs, lock
from webapp.experiments.changes import changing, experiment_changed, parts_changed
from webapp.experiments.models import ACTIVE, COMPARED, Event, Experiment, Part, Run, Status
from webapp.row_isolation import Isolated


def start(runs: Sequence[Run]) -> set[int]:
    """Queue the locked runs that can start, and have the others wait; ``runs`` are sorted so that each follows those it needs.

    A run that needs one that has failed or was stopped fails or stops with it. Return the ids of the runs that changed.
    """
    store, changed = artifact_store(), set()
    needs, status, events = _needs(runs), _statuses(runs), list[tuple[Run, list[RunEvent]]]()
    for run in runs:
        if run.imported:
            continue  # it was trained elsewhere and cannot be trained here
        gone = run.status == Status.FINISHED and not store.finished(run.key)
        again = gone or run.status in (Status.STOPPED, Status.FAILED)
        if not again and run.status != Status.WAITING:
            continue
        needed = {need: status[need] for need in needs[run.pk]}
        if all(current == Status.FINISHED for current in needed.values()):
            events.append((run, [RunQueued()]))
            status[run.pk] = Status.QUEUED
        elif broken := [need for need, current in needed.items() if current in (Status.FAILED, Status.STOPPED)]:
            events.append((run, [_end_with(Run.objects.get(pk=broken[0]))]))
            status[run.pk] = Status.WAITING  # ``rest`` ends the runs that need it
        elif again:
            events.append((run, [RunWaiting()]))
            status[run.pk] = Status.WAITING
        changed.add(run.pk)
    append(events)
    return changed | rest([run for run, _ in events])


def ready(run: Run) -> bool:
    """Return whether all runs that it needs have finished."""
    return not run.needs.exclude(status=Status.FINISHED).exists()


def _needs(runs: Iterable[Run]) -> dict[int, list[int]]:
    """The ids of the runs that each run needs, by its id."""
    needs: defaultdict[int, list[int]] = defaultdict(list)
    for run, need in Needs.objects.filter(from_run__in=[run.pk for run in runs]).values_list("from_run_id", "to_run_id"):
        needs[run].append(need)
    return needs


def _statuses(runs: Sequence[Run]) -> dict[int, str]:
    """The status of the runs, and of the runs that they need, by id."""
    needed = Needs.objects.filter(from_run__in=[run.pk for run in runs])
    return dict(needed.values_list("to_run_id", "to_run__status")) | {run.pk: run.status for run in runs}


def _end_with(cause: Run) -> RunEvent:
    """The end of a run that needs ``cause``, which failed or was stopped."""
    if cause.status == Status.STOPPED:
        return RunStopped(step=0)
    return RunFailed(error=f"Run {cause.pk}, which labels for this one, failed: {cause.error}")


def settle(runs: Sequence[Run]) -> set[int]:
    """Handle the end of locked runs: runs that are wanted again are queued, for the others see ``rest``."""
    stopped = [run.pk for run in runs if run.status == Status.STOPPED]
    wanted = _wanted_since(stopped) if stopped else set()
    append((run, [RunQueued()]) for run in runs if run.pk in wanted)
    return rest([run for run in runs if run.pk not in wanted])


def _wanted_since(ids: Sequence[int]) -> set[int]:
    """The runs of an experiment that was launched after their stop was requested."""
    launched = Run.objects.filter(pk__in=ids, experiments__stopped_at=None, experiments__launched_at__gt=F("stop_asked_at"))
    return set(launched.values_list("pk", flat=True))


def rest(runs: Iterable[Run]) -> set[int]:
    """Queue or end the runs that waited for ``runs``, which have ended, and replace stopped runs that are to be evaluated.

    None of ``runs`` is started again: that was decided in ``settle``. Return the ids of the runs that changed.
    """
    changed: set[int] = set()
    ended: list[Run] = []
    while runs := [run for run in runs if run.status not in ACTIVE]:
        ended += runs
        runs = _follow({run.pk: run for run in runs})
        changed |= {run.pk for run in runs}
    stopped = [run.pk for run in ended if run.status == Status.STOPPED]
    if stopped:
        evaluating = Experiment.objects.filter(runs__in=stopped, evaluates=True, stopped_at__isnull=False).distinct()
        pks = list(evaluating.values_list("pk", flat=True))
        changed |= set().union(*_evaluating.each(pks, lambda pk: _evaluate(pk, stopped), note_result_error))
    return changed


def _follow(causes: dict[int, Run]) -> list[Run]:
    """Queue or end the runs that waited for one of ``causes``, and return those that changed."""
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
            events.append((run, [_end_with(broken)]))
        elif run.pk not in blocked:
            events.append((run, [RunQueued()]))
    append(events)
    return [run for run, _ in events]


_evaluating = Isolated("evaluating what was stopped", first=0)


@changing()
def note_result_error(experiment_id: int, error: str) -> None:
    """Store the error of an experiment whose row cannot be read. It ends with this error, and a launch tries again."""
    damaged = f"The record of this experiment is damaged. {error}"
    Experiment.objects.filter(pk=experiment_id).update(result_error=damaged, result_due=False)
    experiment_changed(experiment_id)


@changing()
def _evaluate(experiment_id: int, ids: Sequence[int]) -> set[int]:
    """Replace stopped runs in the experiment by runs that end at their last checkpoint.

    Such a run has another key, so that no experiment mistakes it for the whole run.
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
        {**triplet, **{role: instead[triplet[role]] for role in COMPARED if triplet[role] in instead}}
        for triplet in experiment.triplets
    ]
    experiment.result_due = experiment.result_due or any(run.status == Status.FINISHED for run in rows.values())
    experiment.save(update_fields=["triplets", "result_due"])
    parts_changed(experiment_id)
    return start(list(rows.values()))


def _beginnings(ids: Iterable[int]) -> dict[int, RunSpec]:
    """The specs of the runs up to their last checkpoint, by id; none for a run without a checkpoint."""
    saved = Event.objects.filter(run__in=list(ids), payload__kind="checkpoint").order_by("seq")
    steps = {run: payload["step"] for run, payload in saved.values_list("run_id", "payload") if payload["step"]}
    return {run.pk: run.run_spec.model_copy(update={"stop_at": steps[run.pk]}) for run in Run.objects.filter(pk__in=steps)}
