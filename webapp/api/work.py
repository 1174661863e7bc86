"""The work of a worker by HTTPS alone: claims, leases, events and presence, with the functions that other workers call.

The names of such workers end with the number of their token, so a token can only touch what was claimed with it.
"""

from typing import Annotated, Any

from django.conf import settings
from django.http import HttpRequest
from ninja import Router, Schema, Status
from pydantic import Field, StringConstraints, TypeAdapter

from training.events import (
    CheckpointSaved,
    EvaluationLogged,
    MetricLogged,
    Progress,
    RunFailed,
    RunFinished,
    RunStarted,
    RunStopped,
    SystemSampled,
)
from training.names import Key
from training.spec import Problem, describe
from webapp.actions.record import DatabaseRecord
from webapp.api.datasets import Invalid
from webapp.experiments import services
from webapp.experiments.models import Event, Run
from webapp.leases import StaleAttempt
from webapp.notifications import REFRESH, call

router = Router()
record = DatabaseRecord()

WORKER = r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}@[A-Za-z0-9._-]{1,100}"
WorkerName = Annotated[str, StringConstraints(pattern=rf"^{WORKER}$")]
Attempts = dict[int, int]

Recorded = Annotated[
    RunStarted
    | Progress
    | MetricLogged
    | EvaluationLogged
    | SystemSampled
    | CheckpointSaved
    | RunFinished
    | RunFailed
    | RunStopped,
    Field(discriminator="kind"),
]
"""An event that the recorder of a worker writes. All others are the laboratory's own."""
EVENTS: TypeAdapter[dict[int, list[Recorded]]] = TypeAdapter(dict[int, list[Recorded]])
MOST_EVENTS = 2000


class DeviceIn(Schema):
    """A device: ``memory`` and ``used`` in bytes, ``busy`` from 0 to 1, null where these are unknown."""

    name: str = Field(max_length=200)
    memory: int | None = Field(ge=0, le=2**60)
    used: int | None = Field(ge=0, le=2**60)
    busy: float | None = Field(ge=0, le=1)


Devices = Annotated[list[DeviceIn], Field(max_length=64)]


class DescriptionIn(Schema):
    """A worker that has started: its version of the engine, packages with versions, devices, and processes for one run."""

    engine: int = Field(ge=0, le=2**31 - 1)
    packages: Annotated[dict[str, str], Field(max_length=100)]
    devices: Devices
    processes: int = Field(ge=1, le=2**15 - 1)


class HeartbeatIn(Schema):
    devices: Devices


class KnownOut(Schema):
    """``known`` is false for a worker that has to register first."""

    known: bool


class ClaimedRun(Schema):
    """A run that was claimed; ``last_seq`` is the number of its newest event."""

    id: int
    key: str
    attempt: int
    status: str
    spec: dict[str, Any]
    last_seq: int


class ClaimOut(Schema):
    """Runs to train together, none where there is no work, and the terms of their leases, in seconds.

    ``beside`` are models whose features are computed with those of the first run, and ``samples`` is the number of samples of
    the machine that the run with most of them has.
    """

    runs: list[ClaimedRun]
    lease_seconds: float
    renew_seconds: float
    beside: list[str]
    samples: int


class AttemptsIn(Schema):
    """Attempts by run."""

    attempts: Attempts


class StatusesOut(Schema):
    """The status of each run whose lease the worker holds."""

    statuses: dict[int, str]


class EventsIn(Schema):
    """Events by run, in order. ``after`` is the number of the newest event of each run that the worker knows."""

    attempts: Attempts
    after: dict[int, int]
    events: dict[int, list[dict[str, Any]]]


class StoredOut(Schema):
    """The number of the newest event of each run whose events were stored."""

    last_seq: dict[int, int]


class CountOut(Schema):
    """The number of events of the attempt that the worker stored, and that of the run's newest event."""

    recorded: int
    last_seq: int


class EndingIn(Schema):
    """The end of an attempt that is not the run's own; ``log`` is the end of the trainer's output."""

    attempt: int
    cause: str = Field("", max_length=2000)
    log: str = Field("", max_length=200_000)


class DamageIn(Schema):
    key: Key


class RunsIn(Schema):
    runs: Annotated[list[int], Field(max_length=1000)]


def name_of(request: HttpRequest, worker: str) -> str:
    """Return the worker's name in the record: the one that it gives itself, and its token."""
    return f"{worker} (HTTPS, token {request.token.pk})"  # type: ignore[attr-defined]


def _as_json(devices: list[DeviceIn]) -> list[dict[str, Any]]:
    return [device.model_dump() for device in devices]


@router.put("/work/{worker}/presence", response={204: None})
def register(request: HttpRequest, worker: WorkerName, body: DescriptionIn) -> Status[None]:
    """Register a worker that has started."""
    record.register(name_of(request, worker), body.engine, body.packages, _as_json(body.devices), body.processes)
    return Status(204, None)


@router.post("/work/{worker}/presence", response=KnownOut)
def beat(request: HttpRequest, worker: WorkerName, body: HeartbeatIn) -> KnownOut:
    """Store that a worker is there."""
    return KnownOut(known=record.beat(name_of(request, worker), _as_json(body.devices)))


@router.delete("/work/{worker}/presence", response={204: None})
def leave(request: HttpRequest, worker: WorkerName) -> Status[None]:
    """Store that a worker has ended in order."""
    record.leave(name_of(request, worker))
    return Status(204, None)


@router.post("/work/{worker}/claim", response=ClaimOut)
def claim(request: HttpRequest, worker: WorkerName) -> ClaimOut:
    """Claim the first queued run that the worker can take, with those that are trained beside it.

    A worker that claims trains nothing: what it holds, because the answer to an earlier claim was lost, is given back first.
    """
    name = name_of(request, worker)
    record.give_back_unstarted(name)
    runs = record.claim(name)
    return ClaimOut(
        runs=[_claimed(run) for run in runs],
        lease_seconds=settings.LEASE_SECONDS,
        renew_seconds=settings.LEASE_RENEW_SECONDS,
        beside=record.models_beside(runs[0]) if runs else [],
        samples=record.most_samples([run.pk for run in runs if run.attempt > 1]),
    )


def _claimed(run: Run) -> ClaimedRun:
    return ClaimedRun(id=run.pk, key=run.key, attempt=run.attempt, status=run.status, spec=run.spec, last_seq=run.last_seq)


@router.post("/work/{worker}/renew", response=StatusesOut)
def renew(request: HttpRequest, worker: WorkerName, body: AttemptsIn) -> StatusesOut:
    """Renew leases. The answer is 409 where the worker holds none of them."""
    return StatusesOut(statuses=record.renew(services.held_by(name_of(request, worker), body.attempts)))


@router.post("/work/{worker}/statuses", response=StatusesOut)
def statuses(request: HttpRequest, worker: WorkerName, body: AttemptsIn) -> StatusesOut:
    """Read the status of runs in training: stopping where a stop was requested."""
    return StatusesOut(statuses=record.statuses(services.held_by(name_of(request, worker), body.attempts)))


@router.post("/work/{worker}/events", response=StoredOut)
def append(request: HttpRequest, worker: WorkerName, body: EventsIn) -> StoredOut:
    """Store events of the trainer.

    Those of an attempt that has lost its lease are left out; the answer is 409 where all of them have. It is 412, and nothing is
    stored, where an earlier request whose answer was lost has stored events after ``after``.
    """
    events = _events(body)
    held = services.held_by(name_of(request, worker), {run: body.attempts.get(run, 0) for run in events})
    stored = {run: events[run] for run in held}
    record.notify(services.append_together(held, stored, {run: body.after.get(run, 0) for run in held}))
    return StoredOut(last_seq=dict(Run.objects.filter(pk__in=list(held)).values_list("pk", "last_seq")))


def _events(body: EventsIn) -> dict[int, list[Recorded]]:
    """Return the events of a request. Raises Invalid."""
    if sum(map(len, body.events.values())) > MOST_EVENTS:
        raise Invalid(Problem("events", f"One request can have {MOST_EVENTS} events."))
    try:
        return EVENTS.validate_python(body.events)
    except ValueError as error:
        raise Invalid(*describe(error.errors())) from None  # type: ignore[attr-defined]


@router.get("/work/{worker}/runs/{run_id}/recorded", response=CountOut)
def recorded(request: HttpRequest, worker: WorkerName, run_id: int, attempt: int) -> CountOut:
    """Count the stored events of an attempt, after a request whose answer was lost."""
    claims = Event.objects.filter(run=run_id, attempt=attempt, payload__kind="claimed")
    if not claims.filter(payload__worker=name_of(request, worker)).exists():
        raise StaleAttempt(f"{worker} has not claimed attempt {attempt} of run {run_id}")
    newest = Run.objects.values_list("last_seq", flat=True).get(pk=run_id)
    return CountOut(recorded=record.recorded(run_id, attempt), last_seq=newest)


def _own(request: HttpRequest, worker: str, run_id: int) -> Run:
    """Return a run that the worker was the last to claim. Raises StaleAttempt."""
    run = Run.objects.filter(pk=run_id, worker=name_of(request, worker)).first()
    if run is None:
        raise StaleAttempt(f"{worker} was not the last to claim run {run_id}")
    return run


@router.post("/work/{worker}/runs/{run_id}/give-back", response={204: None})
def give_back(request: HttpRequest, worker: WorkerName, run_id: int, body: EndingIn) -> Status[None]:
    """Return a run to the queue, which goes on from its last checkpoint."""
    record.give_back(_own(request, worker, run_id).pk, body.attempt, body.cause)
    return Status(204, None)


@router.post("/work/{worker}/runs/{run_id}/lose", response={204: None})
def lose(request: HttpRequest, worker: WorkerName, run_id: int, body: EndingIn) -> Status[None]:
    """End an attempt that broke off without the run's fault."""
    record.lose(_own(request, worker, run_id).pk, body.attempt, body.cause, body.log)
    return Status(204, None)


@router.post("/work/{worker}/damage", response={204: None})
def damage(request: HttpRequest, worker: WorkerName, body: DamageIn) -> Status[None]:
    """Report a file of a finished run that cannot be read. The run is trained again if the laboratory finds the damage too."""
    record.report_damage(body.key)
    return Status(204, None)


@router.post("/work/{worker}/ended", response={204: None})
def ended(request: HttpRequest, worker: WorkerName, body: RunsIn) -> Status[None]:
    """Have the light worker compute what the ends of these runs have made due."""
    own = Run.objects.filter(pk__in=body.runs, worker=name_of(request, worker)).values_list("pk", flat=True)
    call(REFRESH, 1, *own)  # not here: it reads all predictions of an experiment
    return Status(204, None)
