"""Writes to experiments and to runs in training. Functions that change runs return their ids, so that the caller can notify."""

from collections.abc import Callable, Iterator, Mapping, Sequence

from django.conf import settings
from django.contrib.auth.models import User
from django.db.models import QuerySet
from pydantic import ValidationError

from training import ExperimentSpec, RunSpec
from training.events import Event as RunEvent
from training.events import RunClaimed, RunFailed, RunLost, RunQueued, RunReleased, RunStopped, RunWaiting
from training.planning.estimates import estimate_seconds, head_bytes
from training.planning.groups import MOST_BYTES, MOST_SECONDS, MOST_TOGETHER, group_of
from training.planning.plan import STORED_OF_FEATURES, check_size
from training.spec import ENGINE_VERSION
from webapp.artifact_store import store_is_reachable
from webapp.database_outages import Outage
from webapp.experiments import requirements, stored_events, workers
from webapp.experiments.bulk import append, lock, lock_run
from webapp.experiments.changes import changing, list_changed
from webapp.experiments.dependents import ready, settle
from webapp.experiments.list_columns import columns_of_spec, give_facets
from webapp.experiments.models import LEASED, Event, Experiment, Run, Status, Worker
from webapp.experiments.queue import pause_now, queued_run_ids
from webapp.leases import Leases, StaleAttempt
from webapp.row_isolation import Isolated

RECORDED_KINDS = ("started", "progress", "metric", "evaluation", "system", "checkpoint", "finished", "failed", "stopped")
"""Kinds of events that the recorder of a worker writes: the trainer's own, and samples of its machine."""

DATABASE_AWAY = "the laboratory's database was away for longer than its lease"

leases = Leases(Run, {"status__in": LEASED})


class AlreadyStored(Exception):
    """Events of an attempt follow the one after which a writer adds: an earlier request of it was done after all."""


@changing()
def create(owner: User, spec: ExperimentSpec, parent: Experiment | None = None) -> Experiment:
    """Return a new experiment, which is not launched yet. Raises TooManyRuns."""
    check_size(spec)
    stored = spec.model_dump(mode="json")
    experiment = Experiment.objects.create(owner=owner, parent=parent, spec=stored, **columns_of_spec(spec))
    give_facets(experiment, spec)
    list_changed()
    return experiment


@changing()
def append_together(
    attempts: Mapping[int, int], events_of: Mapping[int, Sequence[RunEvent]], after: Mapping[int, int] | None = None
) -> set[int]:
    """Store events from the trainer of several ``attempts``, by run, and return the runs that changed.

    Those of an attempt that no longer holds its lease are refused. With ``after``, the newest event of each run that the writer
    knows, raises AlreadyStored where the recorder of the attempt has stored more.
    """
    locked = lock(Run.objects.filter(pk__in=list(events_of)))
    held = [run for run in locked if run.attempt == attempts[run.pk] and run.status in LEASED]
    for run in held:
        known = run.last_seq if after is None else after[run.pk]
        if run.last_seq > known and _of_recorder(run.pk, run.attempt).filter(seq__gt=known).exists():
            raise AlreadyStored(f"run {run.pk} has events of attempt {run.attempt} after number {known}")
    append((run, events_of[run.pk]) for run in held)
    return {run.pk for run in held} | settle(held)


def recorded(run_id: int, attempt: int) -> int:
    """Return the number of stored events from the recorder of ``attempt``, for a writer that got no answer to its last write.

    Raises stored_events.UNREADABLE.
    """
    stored = _of_recorder(run_id, attempt).count()
    if not stored_events.files_of([run_id]):
        return stored
    return sum(event.attempt == attempt for event in stored_events.each(run_id, kinds=RECORDED_KINDS))


def _of_recorder(run_id: int, attempt: int) -> QuerySet[Event]:
    return Event.objects.filter(run=run_id, attempt=attempt, payload__kind__in=RECORDED_KINDS)


def held_by(worker: str, attempts: Mapping[int, int]) -> dict[int, int]:
    """Return those of ``attempts``, by run, whose lease ``worker`` holds. Raises StaleAttempt where it holds none."""
    rows = Run.objects.filter(pk__in=list(attempts), status__in=LEASED, worker=worker).values_list("pk", "attempt")
    held = {pk: attempt for pk, attempt in rows if attempts[pk] == attempt}
    if not held:
        raise StaleAttempt(f"{worker} holds no lease of runs {', '.join(map(str, attempts))} in these attempts")
    return held


def claim_group(worker: str, most: int = MOST_TOGETHER) -> list[Run]:
    """Claim the first queued run that ``worker`` can take, and further ones of its group, ``most`` in all.

    None where the queue has none for the worker or is paused, or the shared store cannot be reached.
    """
    if pause_now() or not store_is_reachable():
        return []
    known, free = workers.known(worker), requirements.free_bytes()

    def fits(spec: RunSpec) -> bool:
        return not requirements.of_disk(spec, free) and not (known and requirements.of_worker(spec, known))

    for pk, spec in _readable(queued_run_ids()):
        if fits(spec) and (claimed := claim_together([pk, *_beside(pk, spec, fits, most - 1)], worker)):
            return claimed
    return []


def _beside(first: int, spec: RunSpec, fits: Callable[[RunSpec], bool], most: int) -> list[int]:
    """Return queued runs to train together with the run ``first``, in the order of the queue.

    A run whose last attempt broke off is trained alone: if that was its own fault, it costs no other run its attempts.
    """
    group, beside, seconds = group_of(spec), list[int](), estimate_seconds(spec, features_ready=True)
    needed = head_bytes(spec)
    if group is None or most == 0 or Run.objects.filter(pk=first, losses__gt=0).exists():
        return []
    same = {f"spec__{name}": getattr(spec, name) for name in STORED_OF_FEATURES}
    alike = set(Run.objects.filter(status=Status.QUEUED, losses=0, **same).exclude(pk=first).values_list("pk", flat=True))
    for pk, other in _readable([pk for pk in queued_run_ids() if pk in alike] if alike else []):
        if group_of(other) == group and fits(other):
            seconds += estimate_seconds(other, features_ready=True)
            needed += head_bytes(other)
            if len(beside) == most or seconds > MOST_SECONDS or needed > MOST_BYTES:
                break
            beside.append(pk)
    return beside


@changing()
def claim_together(run_ids: Sequence[int], worker: str) -> list[Run]:
    """Claim those of the runs that are still queued: for each a new attempt with a new lease.

    None are claimed where the worker is being drained.
    """
    runs = [run for run in lock(Run.objects.filter(pk__in=run_ids)) if run.status == Status.QUEUED]
    if not runs or Worker.objects.select_for_update().filter(name=worker, draining=True).exists():
        return []
    leases.claim_together(runs)
    append((run, [RunClaimed(worker=worker, together=len(runs))]) for run in runs)
    return sorted(runs, key=lambda run: run_ids.index(run.pk))


_reading = Isolated("queued runs", first=0)


def _readable(run_ids: Sequence[int]) -> Iterator[tuple[int, RunSpec]]:
    """Yield the queued runs with their specs. A run whose spec cannot be read fails, so that the queue goes on."""
    return (pair for pair in _reading.each(run_ids, _spec_of, _fail_damaged) if pair)


def _spec_of(pk: int) -> tuple[int, RunSpec] | None:
    """None for a spec that cannot be read because it is of another version of the engine, which is not damage."""
    spec = Run.objects.values_list("spec", flat=True).get(pk=pk)
    try:
        return pk, RunSpec.model_validate(spec)
    except ValidationError:
        if isinstance(spec, dict) and isinstance(spec.get("engine"), int) and spec["engine"] != ENGINE_VERSION:
            return None
        raise


def _fail_damaged(run_id: int, error: str) -> None:
    fail(run_id, f"What this run is to train cannot be read from the record. {error}")


@changing()
def fail(run_id: int, error: str) -> set[int]:
    """End a queued run that no worker can train, and the runs that need it."""
    run = lock_run(run_id)
    if run.status != Status.QUEUED:
        return set()
    append([(run, [RunFailed(error=error)])])
    return {run.pk} | settle([run])


def renew_together(attempts: Mapping[int, int]) -> dict[int, str]:
    """Renew the leases of ``attempts``, by run, and return ``statuses_of``."""
    leases.renew_together(attempts)
    return statuses_of(attempts)


def statuses_of(attempts: Mapping[int, int]) -> dict[int, str]:
    """Return the status of each run whose lease its attempt still holds. Raises StaleAttempt where none does."""
    rows = Run.objects.filter(pk__in=list(attempts), status__in=LEASED).values_list("pk", "attempt", "status")
    statuses = {pk: status for pk, attempt, status in rows if attempt == attempts[pk]}
    if not statuses:
        raise StaleAttempt(f"the attempts at runs {', '.join(map(str, attempts))} no longer hold their leases")
    return statuses


def renew(run_id: int, attempt: int) -> str:
    """Renew the lease of ``attempt`` and return the run's status. Raises StaleAttempt."""
    leases.renew(run_id, attempt)
    return status_of(run_id, attempt)


def status_of(run_id: int, attempt: int) -> str:
    """Return the run's status. Raises StaleAttempt where another attempt has the run."""
    status = Run.objects.filter(pk=run_id, attempt=attempt).values_list("status", flat=True).first()
    if status is None:
        raise StaleAttempt(f"attempt {attempt} of run {run_id} no longer holds the lease")
    return status


@changing()
def give_back(run_id: int, attempt: int, cause: str = "") -> set[int]:
    """Return the run of a worker that shuts down, or has another ``cause``, to the queue; it goes on from its last checkpoint."""
    run = lock_run(run_id)
    if run.attempt != attempt or run.status not in LEASED:
        return set()
    return _return(run, RunReleased(worker=run.worker, cause=cause))


def give_back_unstarted(worker: str) -> set[int]:
    """Return runs that ``worker``, which trains nothing, holds because it never got the answer to its claim."""
    held = Run.objects.filter(worker=worker, status__in=LEASED).values_list("pk", "attempt")
    cause = "the answer to its claim was lost on the way from the database"
    return set().union(*(give_back(pk, attempt, cause) for pk, attempt in held))


@changing()
def take_back(run_id: int, outage: Outage | None = None) -> set[int]:
    """Take a run from a worker whose lease has expired: queued again, or stopped if that was requested, or failed at last.

    A lease that expired because of the database's own ``outage`` does not count against the run.
    """
    run = lock_run(run_id)
    if run.status not in LEASED or run.lease_until is None or run.lease_until > run.clock:
        return set()
    if outage and outage.covers(run.lease_until):
        return _return(run, RunLost(worker=run.worker, cause=DATABASE_AWAY, excused=True))
    return _return(run, RunLost(worker=run.worker))


@changing()
def lose(run_id: int, attempt: int, cause: str, log: str, excused: bool = False) -> set[int]:
    """Treat an attempt whose trainer was killed from outside like one whose worker died: it goes on from its last checkpoint.

    An ``excused`` one, during an outage of the store, does not count against the run.
    """
    run = lock_run(run_id)
    if run.attempt != attempt or run.status not in LEASED:
        return set()
    return _return(run, RunLost(worker=run.worker, cause=cause, excused=excused), log)


def _return(run: Run, last: RunReleased | RunLost, log: str = "") -> set[int]:
    append([(run, [last])])
    if run.status == Status.STOPPING:
        append([(run, [RunStopped(step=run.step)])])
    elif run.losses >= settings.MAX_ATTEMPTS and not (isinstance(last, RunLost) and last.excused):
        cause = (last.cause if isinstance(last, RunLost) else "") or f"{last.worker} gave no sign of life"
        append([(run, [RunFailed(error=f"{run.losses} attempts broke off, the last one because {cause}.", log=log)])])
    else:
        append([(run, [RunQueued() if ready(run) else RunWaiting()])])
    return {run.pk} | settle([run])


_taking_back = Isolated("taking runs back")


def take_back_expired(outage: Outage | None = None) -> set[int]:
    """Take back all runs whose lease has expired."""
    expired = leases.expired().values_list("pk", flat=True)
    return set().union(*_taking_back.each(expired, lambda pk: take_back(pk, outage), note_error))


def note_error(run_id: int, error: str) -> None:
    """Store the error of a run whose row is damaged. Its status stays the one that its events give."""
    Run.objects.filter(pk=run_id).update(error=f"The record of this run is damaged. {error}")
