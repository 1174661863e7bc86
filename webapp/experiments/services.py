"""Every write to the record. Each function that changes runs returns their ids, so that the caller can ring the doorbell."""

import logging
from collections.abc import Iterable, Iterator, Sequence
from datetime import timedelta

from django.conf import settings
from django.contrib.auth.models import User
from django.db import transaction
from django.db.models.functions import Now
from pydantic import ValidationError

from training import ExperimentSpec, RunSpec, Store
from training.events import (
    ArtifactDamaged,
    RunClaimed,
    RunFailed,
    RunLost,
    RunQueued,
    RunReleased,
    RunStopped,
    RunWaiting,
)
from training.events import Event as RunEvent
from training.metrics.results import summarize
from training.planning.plan import check_size
from training.spec import ENGINE_VERSION
from training.storage.checksums import MISSING, DamagedArtifact
from training.storage.predictions import Predictions
from webapp.database_outages import Outage, is_away
from webapp.experiments import requirements, workers
from webapp.experiments.bulk import append, lock
from webapp.experiments.dependents import note_result_error, ready, rest, settle, start
from webapp.experiments.imported_runs import compare
from webapp.experiments.models import LEASED, Event, Experiment, Run, Status, Worker
from webapp.experiments.queue import pause_now, queued_run_ids
from webapp.experiments.run_launch import launch as launch
from webapp.experiments.run_stop import stop_experiment as stop_experiment
from webapp.experiments.run_stop import stop_run as stop_run
from webapp.row_isolation import Isolated, sentence

logger = logging.getLogger(__name__)

TRAINER_KINDS = ("started", "progress", "metric", "evaluation", "checkpoint", "finished", "failed", "stopped")
DATABASE_AWAY = "the laboratory's database was away for longer than its lease"
RESULT_SECONDS = 10.0
"""A result that is due for longer after the end of its experiment is computed by the recovery."""


def create(owner: User, spec: ExperimentSpec, parent: Experiment | None = None) -> Experiment:
    """Raises TooManyRuns."""
    check_size(spec)
    return Experiment.objects.create(name=spec.name, owner=owner, spec=spec.model_dump(mode="json"), parent=parent)


def _locked(run_id: int) -> Run:
    """Raises Run.DoesNotExist."""
    for run in lock(Run.objects.filter(pk=run_id)):
        return run
    raise Run.DoesNotExist(f"run {run_id}")


class StaleAttemptError(Exception):
    """The events come from an attempt that no longer holds the run's lease; they are refused."""


@transaction.atomic
def append_events(run_id: int, attempt: int, events: Sequence[RunEvent]) -> set[int]:
    """Stores what the trainer of ``attempt`` told; raises StaleAttemptError when another attempt, or nobody, holds the lease."""
    run = _locked(run_id)
    if run.attempt != attempt or run.status not in LEASED:
        raise StaleAttemptError(f"attempt {attempt} of {run} no longer holds the lease")
    append([(run, events)])
    return {run.pk} | settle([run])


def recorded(run_id: int, attempt: int) -> int:
    """How many events that the trainer of ``attempt`` told are stored: for a writer whose last answer was lost on the way."""
    return Event.objects.filter(run=run_id, attempt=attempt, payload__kind__in=TRAINER_KINDS).count()


def claim_next(worker: str) -> Run | None:
    """The first queued run that ``worker`` can take and get the lease of; None when there is none, or the queue is paused."""
    if pause_now():
        return None
    known, free = workers.known(worker), requirements.room()
    for pk, spec in _readable(queued_run_ids()):
        hindered = requirements.of_disk(spec, free) or (known and requirements.of_worker(spec, known))
        if not hindered and (claimed := claim(pk, worker)):
            return claimed
    return None


_reading = Isolated("queued runs", first=0)


def _readable(run_ids: Sequence[int]) -> Iterator[tuple[int, RunSpec]]:
    """The queued runs with their specs. One whose spec cannot be read fails, so that the queue goes on."""
    return (found for found in _reading.each(run_ids, _spec_of, _fail_damaged) if found)


def _spec_of(pk: int) -> tuple[int, RunSpec] | None:
    """None where it is no damage that the spec cannot be read, since it is of another version of the engine."""
    spec = Run.objects.values_list("spec", flat=True).get(pk=pk)
    try:
        return pk, RunSpec.model_validate(spec)
    except ValidationError:
        if isinstance(spec, dict) and isinstance(spec.get("engine"), int) and spec["engine"] != ENGINE_VERSION:
            return None
        raise


def _fail_damaged(run_id: int, error: str) -> None:
    fail(run_id, f"What this run is to train cannot be read from the record. {error}")


@transaction.atomic
def fail(run_id: int, error: str) -> set[int]:
    """Ends a queued run that nobody can train, and those that need it."""
    run = _locked(run_id)
    if run.status != Status.QUEUED:
        return set()
    append([(run, [RunFailed(error=error)])])
    return {run.pk} | settle([run])


@transaction.atomic
def claim(run_id: int, worker: str) -> Run | None:
    """The run with a fresh lease and a new attempt number for ``worker``.

    None where the run is not waiting in the queue, or the worker is being drained.
    """
    run = _locked(run_id)
    if run.status != Status.QUEUED or Worker.objects.select_for_update().filter(name=worker, draining=True).exists():
        return None
    run.attempt += 1
    append([(run, [RunClaimed(worker=worker)])])
    run.lease_until = run.clock + timedelta(seconds=settings.LEASE_SECONDS)
    run.save(update_fields=["attempt", "lease_until"])
    return run


def renew(run_id: int, attempt: int) -> str | None:
    """Prolongs the lease of ``attempt`` and returns the run's status; None when the lease was lost."""
    held = Run.objects.filter(pk=run_id, attempt=attempt, status__in=LEASED)
    if not held.update(lease_until=Now() + timedelta(seconds=settings.LEASE_SECONDS)):
        return None
    return held.values_list("status", flat=True).first()


@transaction.atomic
def give_back(run_id: int, attempt: int, cause: str = "") -> set[int]:
    """A worker that shuts down in order, or has a ``cause``, returns its run, which goes on from its last checkpoint."""
    run = _locked(run_id)
    if run.attempt != attempt or run.status not in LEASED:
        return set()
    return _return(run, RunReleased(worker=run.worker, cause=cause))


def give_back_unstarted(worker: str) -> set[int]:
    """Returns what ``worker``, which trains nothing, holds unknowingly: the answer to its claim was lost on the way."""
    held = Run.objects.filter(worker=worker, status__in=LEASED).values_list("pk", "attempt")
    cause = "the answer to its claim was lost on the way from the database"
    return set().union(*(give_back(pk, attempt, cause) for pk, attempt in held))


@transaction.atomic
def take_back(run_id: int, outage: Outage | None = None) -> set[int]:
    """Takes a run from a worker whose lease has expired: queued again, or stopped if that was asked, or given up at last.

    A lease that the database's own ``outage`` let expire is no fault of the run's and does not count.
    """
    run = _locked(run_id)
    if run.status not in LEASED or run.lease_until is None or run.lease_until > run.clock:
        return set()
    if outage and outage.covers(run.lease_until):
        return _return(run, RunLost(worker=run.worker, cause=DATABASE_AWAY, excused=True))
    return _return(run, RunLost(worker=run.worker))


@transaction.atomic
def lose(run_id: int, attempt: int, cause: str, log: str) -> set[int]:
    """The trainer of ``attempt`` was killed from outside: as if its worker had died, the run goes on from its last checkpoint."""
    run = _locked(run_id)
    if run.attempt != attempt or run.status not in LEASED:
        return set()
    return _return(run, RunLost(worker=run.worker, cause=cause), log)


def _return(run: Run, farewell: RunReleased | RunLost, log: str = "") -> set[int]:
    append([(run, [farewell])])
    if run.status == Status.STOPPING:
        append([(run, [RunStopped(step=run.step)])])
    elif run.losses >= settings.MAX_ATTEMPTS and not (isinstance(farewell, RunLost) and farewell.excused):
        cause = farewell.cause if isinstance(farewell, RunLost) else ""
        last = cause or f"{farewell.worker} gave no sign of life"
        append([(run, [RunFailed(error=f"{run.losses} attempts broke off, the last one because {last}.", log=log)])])
    else:
        append([(run, [RunQueued() if ready(run) else RunWaiting()])])
    return {run.pk} | settle([run])


def damaged(damage: DamagedArtifact) -> set[int]:
    """What follows when a file of a finished run was found damaged: the run is trained again, if a second look agrees."""
    run = Run.objects.filter(key=damage.key, status=Status.FINISHED).first()
    again = Store(settings.ARTIFACTS_DIR).damage(run.key, again=True) if run else None
    return _train_again(run.pk, run.last_seq, again) if run and again else set()


@transaction.atomic
def _train_again(run_id: int, seq: int, damage: DamagedArtifact) -> set[int]:
    """Moves what the run left aside, unless anything happened to it since ``seq``, and queues it with what it needs itself.

    Runs that wait in the queue for a worker and read it wait for it again; those that have read it are what they were.
    """
    run = _locked(run_id)
    if run.status != Status.FINISHED or run.last_seq != seq:
        return set()
    append([(run, [ArtifactDamaged(file=damage.name, problem=damage.problem)])])
    Store(settings.ARTIFACTS_DIR).quarantine(run.key)
    changed = {run.pk}
    if run.imported:
        append(
            [(run, [RunFailed(error=f"{damage} It was trained elsewhere, so that it cannot be trained again under this key.")])]
        )
        return changed | rest([run])
    for pk in run.needed_by.filter(status=Status.QUEUED).order_by("pk").values_list("pk", flat=True):
        dependent = _locked(pk)
        if dependent.status == Status.QUEUED:
            append([(dependent, [RunWaiting()])])
            changed.add(pk)
    run.experiments.filter(launched_at__isnull=False).update(ended_at=None)
    order = _unfinished(run)
    runs = {one.pk: one for one in lock(Run.objects.filter(pk__in=order))}
    return changed | start([runs[pk] for pk in order])


def _unfinished(run: Run) -> list[int]:
    """The run and what it needs that has not finished, in an order in which they can be trained."""
    needs = [pk for need in run.needs.exclude(status=Status.FINISHED) for pk in _unfinished(need)]
    return [*dict.fromkeys(needs), run.pk]


_taking_back = Isolated("taking runs back")


def take_back_expired(outage: Outage | None = None) -> set[int]:
    expired = Run.objects.filter(status__in=LEASED, lease_until__lt=Now()).values_list("pk", flat=True)
    return set().union(*_taking_back.each(expired, lambda pk: take_back(pk, outage), note_error))


def note_error(run_id: int, error: str) -> None:
    """Writes on a run that cannot be worked on what is wrong with it. Its status stays that of its events."""
    Run.objects.filter(pk=run_id).update(error=f"The record of this run is damaged. {error}")


_refreshing = Isolated("results")


def refresh_results(run_ids: Iterable[int]) -> set[int]:
    """Computes the results of the experiments that these runs are part of, from predictions alone, and compares imported runs."""
    compare()
    launched = Experiment.objects.filter(runs__in=list(run_ids), launched_at__isnull=False).distinct()
    found = list(launched.values_list("pk", flat=True))
    return set().union(*_refreshing.each(found, _refresh_by_id, note_result_error))


def _refresh_by_id(pk: int) -> set[int]:
    experiment = Experiment.objects.filter(pk=pk).first()
    return refresh_result(experiment) if experiment else set()


def refresh_result(experiment: Experiment) -> set[int]:
    """Stores the result over the runs finished by now, unless another process has stored the one that is due.

    It stays due where another run finished meanwhile: whoever finished that one stores it. A run of which a file is damaged
    counts no longer, and is trained again. Returns the runs that this has changed.
    """
    changed: set[int] = set()
    while True:
        try:
            _refresh(experiment)
        except DamagedArtifact as damage:
            if again := damaged(damage):
                changed |= again
                continue
        return changed


def _refresh(experiment: Experiment) -> None:
    """Raises DamagedArtifact, and has then stored nothing.

    What is wrong with a result otherwise is stored in its place, whatever it is: the files of a run may say anything.
    """
    store = Store(settings.ARTIFACTS_DIR)
    finished = _finished_keys(experiment)
    result, error = None, ""

    def read(key: str) -> Predictions:
        if key in finished and not store.finished(key):
            raise DamagedArtifact(key, "predictions.parquet", MISSING)
        return store.read_predictions(key)

    try:
        if finished:
            result = summarize(experiment.compared, read, store.read_trajectory).model_dump(mode="json")
    except DamagedArtifact:
        raise
    except OSError as problem:
        error = f"The predictions of a finished run cannot be read: {problem.strerror or problem}."
    except ValueError as problem:
        error = str(problem)
    except Exception as problem:
        if is_away(problem):
            raise
        logger.exception("the result of %s cannot be computed", experiment)
        error = f"The predictions of a finished run are damaged. {sentence(problem)}"
    with transaction.atomic():
        row = Experiment.objects.select_for_update().filter(pk=experiment.pk).first()
        if row is None:
            return  # deleted meanwhile
        now = _finished_keys(experiment)
        if finished == now or row.result_runs != now:
            row.result, row.result_runs, row.result_error = result, finished, error
            row.result_due = finished != now
            row.save(update_fields=["result", "result_runs", "result_error", "result_due"])


def _finished_keys(experiment: Experiment) -> list[str]:
    return sorted(set(experiment.runs.filter(status=Status.FINISHED).values_list("key", flat=True)))


def refresh_overdue() -> set[int]:
    """Results that a worker owes which died between the end of a run and its result."""
    owed = Experiment.objects.filter(result_due=True, ended_at__lt=Now() - timedelta(seconds=RESULT_SECONDS))
    return set().union(*_refreshing.each(list(owed.values_list("pk", flat=True)), _refresh_owed, note_result_error))


def _refresh_owed(pk: int) -> set[int]:
    return _refresh_by_id(pk) | set(Run.objects.filter(experiments=pk).values_list("pk", flat=True)[:1])
