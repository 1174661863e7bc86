"""Experiments through the JSON door: which there are, what one would do, launching, cloning and stopping."""

from typing import Annotated

from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.http import HttpRequest
from django.shortcuts import get_object_or_404
from ninja import Header, Query, Router, Status
from ninja.errors import HttpError
from pydantic import ValidationError

from training import ExperimentSpec
from training.spec import Problem, describe
from webapp.access import NOT_YOURS, may_change
from webapp.actions import experiments as jobs
from webapp.api.datasets import Invalid
from webapp.api.experiment_schemas import ChangeIn, ExperimentOut, ListedOut, ListOut, PreviewOut, Wanted, experiment_out
from webapp.api.launches import KeyTaken, once
from webapp.experiments import lifecycle, queries
from webapp.experiments.models import Experiment

QUEUE_AWAY = "The queue cannot be reached now. The runs are kept and start when it is back."

router = Router()


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
            experiment, new = once(user, key, sent, lambda: jobs.create(user, spec, origin))
        except KeyTaken as error:
            raise HttpError(409, str(error)) from None
        if not new and experiment.launched_at:
            return Status(201, experiment_out(request, experiment, []))
    else:
        experiment = jobs.create(user, spec, origin)
    warnings = [warning.message for warning in queries.preview(spec).warnings]
    return Status(201, _launched(request, experiment, warnings) if launch else experiment_out(request, experiment, warnings))


@router.post("/experiments/preview", response=PreviewOut)
def preview(request: HttpRequest, spec: ExperimentSpec) -> PreviewOut:
    """What the experiment in the body would do. Nothing is stored."""
    found = queries.preview(spec)
    return PreviewOut(
        asked=found.asked,
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
        reached = jobs.launch(experiment, by(request))
    except ValueError as error:  # a model that was there when the experiment was made is not there now
        raise Invalid(Problem("", str(error))) from error
    return experiment_out(request, experiment, warnings if reached else [*warnings, QUEUE_AWAY])


@router.post("/experiments/{experiment_id}/stop", response=ExperimentOut)
def stop(request: HttpRequest, experiment_id: int, evaluate: bool = False) -> ExperimentOut:
    """Stops the runs that no other experiment at work needs; their points are kept.

    With ``evaluate`` those in training are evaluated as far as they were: a partial result.
    """
    experiment = changed(request, experiment_id)
    jobs.stop(experiment, by(request), evaluate=evaluate)
    return experiment_out(request, experiment, [])


@router.patch("/experiments/{experiment_id}", response=ExperimentOut)
def change(request: HttpRequest, experiment_id: int, change: ChangeIn) -> ExperimentOut:
    """Gives the experiment another name, or a budget. What else it is cannot be changed: clone it."""
    experiment = changed(request, experiment_id)
    try:
        if change.name is not None:
            jobs.rename(experiment, change.name, by(request))
    except ValidationError as error:
        raise Invalid(*describe(error.errors())) from error
    if "budget_hours" in change.model_fields_set:
        jobs.limit(experiment, change.budget_hours, by(request))
    return experiment_out(request, experiment, [])


@router.delete("/experiments/{experiment_id}", response={204: None})
def delete(request: HttpRequest, experiment_id: int) -> Status[None]:
    """Deletes the experiment; its runs stay for others, and its shares as they are. 409 while something of it is at work."""
    try:
        jobs.delete(changed(request, experiment_id), by(request))
    except lifecycle.AtWork as error:
        raise HttpError(409, str(error)) from None
    return Status(204, None)
