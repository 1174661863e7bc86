"""Runs in the API: a run, its log and its events, and stopping it."""

from datetime import datetime
from typing import Annotated, Any

from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from django.shortcuts import get_object_or_404
from ninja import Query, Router, Schema

from training import RunSpec
from webapp.access import NOT_YOURS, may_stop
from webapp.accounts.viewer_text import events_for, lines_for, run_spec_for, text_for
from webapp.actions import runs as run_actions
from webapp.api.experiment_schemas import OriginOut, origin_out
from webapp.experiments import queries, run_logs
from webapp.experiments.models import Run
from webapp.experiments.system_samples import samples_of

router = Router()


class RunOut(Schema):
    """A run. ``experiments`` are the numbers of the experiments that need it; ``seconds`` is its duration."""

    id: int
    key: str
    status: str
    attempt: int
    step: int
    total_steps: int
    accuracy: float | None
    error: str
    device: str
    seconds: float | None
    spec: RunSpec
    experiments: list[int]
    imported: OriginOut | None


class LogOut(Schema):
    """The log of a run.

    ``log`` is the end of the log that was stored at a failure, ``lines`` are the last lines of its trainers.
    """

    log: str
    lines: list[str]


class SampleOut(Schema):
    """A sample of the machine that trained a run. The documentation of events explains its fields."""

    seq: int
    attempt: int
    at: datetime
    step: int
    cores: float
    memory: int
    accelerator: float | None
    accelerator_memory: int | None
    examples_per_second: float | None
    tokens_per_second: float | None
    runs: int


class SamplesOut(Schema):
    samples: list[SampleOut]


class EventsOut(Schema):
    events: list[dict[str, Any]]
    last: int


def visible(request: HttpRequest, run_id: int) -> Run:
    return get_object_or_404(queries.visible_runs(request.user), pk=run_id)


def run_out(request: HttpRequest, run: Run) -> RunOut:
    experiments = queries.visible(request.user).filter(runs=run).order_by("pk").distinct()
    return RunOut(
        id=run.pk,
        key=run.key,
        status=run.status,
        attempt=run.attempt,
        step=run.step,
        total_steps=run.total_steps,
        accuracy=run.accuracy,
        error=text_for(request.user, run.error),
        device=run.device,
        seconds=run.seconds,
        spec=run_spec_for(request.user, run.run_spec),
        experiments=list(experiments.values_list("pk", flat=True)),
        imported=origin_out(run),
    )


@router.get("/runs/{run_id}", response=RunOut)
def read(request: HttpRequest, run_id: int) -> RunOut:
    """Return a run: the settings that determine its outcome, its progress, and the experiments that need it."""
    return run_out(request, visible(request, run_id))


@router.get("/runs/{run_id}/log", response=LogOut)
def log(
    request: HttpRequest, run_id: int, find: str = "", lines: Annotated[int, Query(ge=1, le=10_000)] = run_logs.LINES
) -> LogOut:
    """Return the last lines of the run's trainers that contain ``find``, and the log that was stored at a failure."""
    run = visible(request, run_id)
    return LogOut(log=text_for(request.user, run.log), lines=lines_for(request.user, run_logs.lines(run.key, find, lines)))


@router.post("/runs/{run_id}/stop", response=RunOut)
def stop(request: HttpRequest, run_id: int) -> RunOut:
    """Stop the run for all experiments that need it. Its checkpoints and curves are kept."""
    run = visible(request, run_id)
    if not may_stop(request.user, run):
        raise PermissionDenied(NOT_YOURS)
    assert isinstance(request.user, User)
    run_actions.stop(run, request.user)
    run.refresh_from_db()
    return run_out(request, run)


@router.get("/runs/{run_id}/events", response=EventsOut)
def events(request: HttpRequest, run_id: int, after: int = 0) -> EventsOut:
    """Return up to a thousand events of the run after number ``after``.

    Repeat the request with ``last`` until there are no more.
    """
    page = queries.events_after(visible(request, run_id).pk, after)
    return EventsOut(events=events_for(request.user, page), last=page[-1]["seq"] if page else after)


@router.get("/runs/{run_id}/system", response=SamplesOut)
def system(request: HttpRequest, run_id: int) -> dict[str, Any]:
    """Return all samples of the machine that trained the run: processor, memory, accelerators and speed. They are few."""
    return {"samples": samples_of(visible(request, run_id).pk)}
