"""Experiments through the JSON door: which there are, what one would do, launching, cloning and stopping."""

from datetime import datetime
from typing import Annotated, Literal

from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.http import HttpRequest
from django.shortcuts import get_object_or_404
from ninja import Header, Query, Router, Schema, Status
from ninja.errors import HttpError
from pydantic import Field, ValidationError

from training import ExperimentSpec
from training.metrics.results import Result
from training.spec import Problem, describe
from training.storage.archive import Origin
from webapp.access import NOT_YOURS, may_change
from webapp.accounts.viewer_text import spec_for, text_for
from webapp.actions import experiments as experiment_actions
from webapp.api.datasets import Invalid
from webapp.api.launches import KeyTaken, once
from webapp.experiments import lifecycle, queries
from webapp.experiments.models import Experiment, Run
from webapp.experiments.progress import progress

QUEUE_AWAY = "The queue cannot be reached now. The runs are kept and start when it is back."

router = Router()


class OriginOut(Schema):
    """Where a run was trained that came in an archive: experiment ``number`` of ``owner`` there, null for the command line.

    ``accepted`` says whether new experiments here use it, ``confirmed`` whether the same run, trained here, says the same.
    """

    number: int | None
    owner: str
    content: str
    claimed_key: str
    accepted: bool
    confirmed: bool | None


def origin_out(run: Run) -> OriginOut | None:
    if not run.origin:
        return None
    origin = Origin.model_validate(run.origin)
    return OriginOut(
        number=origin.number,
        owner=origin.owner,
        content=origin.content,
        claimed_key=run.claimed_key,
        accepted=run.accepted_at is not None,
        confirmed=run.confirmed,
    )


class PartOut(Schema):
    run: int
    key: str
    role: str
    status: str
    attempt: int
    step: int
    total_steps: int
    accuracy: float | None
    error: str
    imported: OriginOut | None


class TransitionOut(Schema):
    """A launch or a stop that is at work on the record, ``done`` of its ``total`` runs so far."""

    kind: Literal["launching", "stopping"]
    done: int
    total: int


class ExperimentOut(Schema):
    id: int
    name: str
    state: str
    fraction: float
    seconds_left: float | None
    spec: ExperimentSpec
    runs: list[PartOut]
    result: Result | None
    warnings: list[str] = []
    budget_hours: float | None
    transition: TransitionOut | None = None


class ListedOut(Schema):
    """An experiment in the list; ``runs`` counts its runs by status, ``imported`` says whether some were trained elsewhere."""

    id: int
    name: str
    owner: str
    state: str
    parent: int | None
    created_at: datetime
    runs: dict[str, int]
    imported: bool


class ListOut(Schema):
    """``total`` counts the experiments on all ``pages``; a page behind the last one is empty."""

    experiments: list[ListedOut]
    page: int
    pages: int
    total: int


class ChangeIn(Schema):
    """``budget_hours`` is in accelerator-hours, null for no limit; what is left out stays."""

    name: str | None = Field(None, max_length=120)
    budget_hours: float | None = Field(None, gt=0, le=lifecycle.LARGEST_BUDGET)


class PreviewOut(Schema):
    """Runs asked for, distinct ones, those done before, at work now, and to be run, which will take about ``seconds``."""

    asked: int
    unique: int
    done: int
    at_work: int
    to_run: int
    seconds: float
    warnings: list[str]


class Wanted(Schema):
    text: str = Field("", description="A part of the name, or a number like #12.")
    state: Literal["", "draft", "waiting", "running", "stopping", "stopped", "failed", "finished"] = ""
    page: int = Field(1, ge=1)
    per_page: int = Field(25, ge=1, le=100)


def experiment_out(request: HttpRequest, experiment: Experiment, warnings: list[str]) -> ExperimentOut:
    found = progress(experiment)
    return ExperimentOut(
        id=experiment.pk,
        name=experiment.name,
        state=queries.state(experiment),
        fraction=found.fraction,
        seconds_left=found.seconds_left,
        spec=spec_for(request.user, experiment.experiment_spec),
        runs=[
            PartOut(
                run=part.run.pk,
                key=part.run.key,
                role=part.role,
                status=part.run.status,
                attempt=part.run.attempt,
                step=part.run.step,
                total_steps=part.run.total_steps,
                accuracy=part.run.accuracy,
                error=text_for(request.user, part.run.error),
                imported=origin_out(part.run),
            )
            for part in queries.parts(experiment).defer("run__spec", "run__log")
        ],
        result=None if experiment.result is None else Result.model_validate(experiment.result),
        warnings=warnings,
        budget_hours=experiment.budget_hours,
        transition=TransitionOut(
            kind=experiment.transition,  # type: ignore[arg-type]
            done=experiment.transition_done,
            total=experiment.transition_total,
        )
        if experiment.transition
        else None,
    )


def by(request: HttpRequest) -> User:
    assert isinstance(request.user, User)
    return request.user


def visible(request: HttpRequest, experiment_id: int) -> Experiment:
    return get_object_or_404(queries.visible(request.user), pk=experiment_id)


def changed(request: HttpRequest, experiment_id: int) -> Experiment:
    """The experiment, for who may change it."""
    experiment = visible(request, experiment_id)
    if not may_change(request.user, experiment):
        raise PermissionDenied(NOT_YOURS)
    return experiment


@router.get("/experiments", response=ListOut)
def listing(request: HttpRequest, wanted: Annotated[Wanted, Query()]) -> ListOut:
    """The experiments of the team, newest first, by name and state."""
    listed = queries.listed(request.user).defer("spec", "triplets", "result", "result_runs", "result_error")
    named = [(one, queries.state(one)) for one in listed if queries.is_named(one, wanted.text)]
    chosen = [(one, state) for one, state in named if wanted.state in ("", state)]
    pages = Paginator(chosen, wanted.per_page)
    shown = pages.page(wanted.page) if wanted.page <= pages.num_pages else ()
    rows = [
        ListedOut(
            id=one.pk,
            name=one.name,
            owner=str(one.owner),
            state=state,
            parent=one.parent_id,
            created_at=one.created_at,
            runs=queries.run_counts(one),
            imported=getattr(one, "imported", False),
        )
        for one, state in shown
    ]
    return ListOut(experiments=rows, page=wanted.page, pages=pages.num_pages, total=pages.count)


@router.post("/experiments", response={201: ExperimentOut})
def create(
    request: HttpRequest,
    spec: ExperimentSpec,
    launch: bool = False,
    parent: int | None = None,
    key: Annotated[str, Header(alias="Idempotency-Key", max_length=200)] = "",
) -> Status[ExperimentOut]:
    """Stores the experiment that the body describes, as a clone of ``parent`` if given, and starts it with ``?launch=true``.

    With an ``Idempotency-Key`` it may be sent again for a day: the answer is the same experiment, and 409 for another request.
    """
    user = by(request)
    origin = None if parent is None else visible(request, parent)
    if key:
        try:
            sent = request.get_full_path().encode() + request.body
            experiment, new = once(user, key, sent, lambda: experiment_actions.create(user, spec, origin))
        except KeyTaken as error:
            raise HttpError(409, str(error)) from None
        if not new and experiment.launched_at:
            return Status(201, experiment_out(request, experiment, []))
    else:
        experiment = experiment_actions.create(user, spec, origin)
    warnings = [warning.message for warning in queries.preview(spec).warnings]
    return Status(201, _launched(request, experiment, warnings) if launch else experiment_out(request, experiment, warnings))


@router.post("/experiments/preview", response=PreviewOut)
def preview(request: HttpRequest, spec: ExperimentSpec) -> PreviewOut:
    """What the experiment in the body would do. Nothing is stored."""
    found = queries.preview(spec)
    return PreviewOut(
        asked=found.requested,
        unique=found.unique,
        done=len(found.done),
        at_work=len(found.at_work),
        to_run=found.to_run,
        seconds=found.seconds,
        warnings=[warning.message for warning in found.warnings],
    )


@router.get("/experiments/{experiment_id}", response=ExperimentOut)
def read(request: HttpRequest, experiment_id: int) -> ExperimentOut:
    """The state of an experiment, its runs, and its result as far as it is known."""
    return experiment_out(request, visible(request, experiment_id), [])


@router.post("/experiments/{experiment_id}/launch", response=ExperimentOut)
def launch(request: HttpRequest, experiment_id: int) -> ExperimentOut:
    """Starts a stored experiment, or goes on with its stopped and failed runs."""
    return _launched(request, changed(request, experiment_id), [])


def _launched(request: HttpRequest, experiment: Experiment, warnings: list[str]) -> ExperimentOut:
    try:
        reached = experiment_actions.launch(experiment, by(request))
    except ValueError as error:  # a model that was there when the experiment was made is not there now
        raise Invalid(Problem("", str(error))) from error
    return experiment_out(request, experiment, warnings if reached else [*warnings, QUEUE_AWAY])


@router.post("/experiments/{experiment_id}/stop", response=ExperimentOut)
def stop(request: HttpRequest, experiment_id: int, evaluate: bool = False) -> ExperimentOut:
    """Stops the runs that no other experiment at work needs; their points are kept.

    With ``evaluate`` those in training are evaluated as far as they were: a partial result.
    """
    experiment = changed(request, experiment_id)
    experiment_actions.stop(experiment, by(request), evaluate=evaluate)
    return experiment_out(request, experiment, [])


@router.patch("/experiments/{experiment_id}", response=ExperimentOut)
def change(request: HttpRequest, experiment_id: int, change: ChangeIn) -> ExperimentOut:
    """Gives the experiment another name, or a budget. What else it is cannot be changed: clone it."""
    experiment = changed(request, experiment_id)
    try:
        if change.name is not None:
            experiment_actions.rename(experiment, change.name, by(request))
    except ValidationError as error:
        raise Invalid(*describe(error.errors())) from error
    if "budget_hours" in change.model_fields_set:
        experiment_actions.limit(experiment, change.budget_hours, by(request))
    return experiment_out(request, experiment, [])


@router.delete("/experiments/{experiment_id}", response={204: None})
def delete(request: HttpRequest, experiment_id: int) -> Status[None]:
    """Deletes the experiment; its runs stay for others, and its shares as they are. 409 while something of it is at work."""
    try:
        experiment_actions.delete(changed(request, experiment_id), by(request))
    except lifecycle.AtWork as error:
        raise HttpError(409, str(error)) from None
    return Status(204, None)
