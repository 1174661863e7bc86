"""Experiments in the API: list, preview, launch, clone, stop, change and delete."""

from typing import Annotated

from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from django.shortcuts import get_object_or_404
from ninja import Header, Query, Router, Status
from ninja.errors import HttpError
from pydantic import ValidationError

from training import ExperimentSpec
from training.spec import Problem, describe
from webapp.access import NOT_YOURS, may_change
from webapp.actions import experiments as experiment_actions
from webapp.actions import outside as outside_actions
from webapp.actions import projects as project_actions
from webapp.api.datasets import Invalid
from webapp.api.experiment_schemas import (
    ChangeIn,
    ExperimentFilter,
    ExperimentOut,
    ListOut,
    PreviewOut,
    experiment_out,
    listed_out,
)
from webapp.api.launches import KeyTaken, once
from webapp.experiments import lifecycle, queries
from webapp.experiments.keyset import BadCursor
from webapp.experiments.listing import Order, Selection
from webapp.experiments.models import Experiment
from webapp.organising.models import Project

QUEUE_AWAY = "The queue cannot be reached now. The runs are stored and start when it is back."

router = Router()


def by(request: HttpRequest) -> User:
    assert isinstance(request.user, User)
    return request.user


def visible(request: HttpRequest, experiment_id: int) -> Experiment:
    return get_object_or_404(queries.visible(request.user), pk=experiment_id)


def changed(request: HttpRequest, experiment_id: int) -> Experiment:
    """Return the experiment. Raise Http404, and PermissionDenied for an account that may not change it."""
    experiment = visible(request, experiment_id)
    if not may_change(request.user, experiment):
        raise PermissionDenied(NOT_YOURS)
    return experiment


def project_of(number: int | None) -> Project | None:
    """Raise Http404 for a number that no project has."""
    return None if number is None else get_object_or_404(Project, pk=number)


@router.get("/experiments", response=ListOut)
def listing(request: HttpRequest, selection: Annotated[ExperimentFilter, Query()]) -> ListOut:
    """List the experiments of the team, filtered and sorted. Archived ones are left out unless asked for.

    ``after`` of an answer, sent with the next request, leads to the page after it, whatever was made meanwhile. Pages with
    numbers cost more the further they are.
    """
    rows = Selection(selection.filters, Order.read(selection.sort))
    total = sum(count for state, count in rows.counts(request.user).items() if selection.state in ("", state))
    try:
        if selection.after:
            page = rows.page(request.user, selection.per_page, after=selection.after)
        else:
            page = rows.numbered(request.user, selection.page, selection.per_page)
    except BadCursor:
        raise Invalid(Problem("after", "No list in this order has given this.")) from None
    pages = max(1, -(-total // selection.per_page))
    return ListOut(
        experiments=[listed_out(row) for row in page.rows], page=selection.page, pages=pages, total=total, after=page.after
    )


@router.post("/experiments", response={201: ExperimentOut})
def create(
    request: HttpRequest,
    spec: ExperimentSpec,
    launch: bool = False,
    parent: int | None = None,
    project: int | None = None,
    key: Annotated[str, Header(alias="Idempotency-Key", max_length=200)] = "",
) -> Status[ExperimentOut]:
    """Store the experiment in the body, as a clone of ``parent`` if given, and start it with ``?launch=true``.

    A clone has the tags of its parent, and its project unless another ``project`` is given.

    With an ``Idempotency-Key`` the request may be repeated for a day: the answer is the same experiment, or 409 if the key was
    used for another request.
    """
    user = by(request)
    if launch:
        _check_coverage(spec)
    origin = None if parent is None else visible(request, parent)
    folder = origin.project if origin and project is None else project_of(project)
    if key:
        try:
            sent = request.get_full_path().encode() + request.body
            experiment, new = once(user, key, sent, lambda: experiment_actions.create(user, spec, origin, folder))
        except KeyTaken as error:
            raise HttpError(409, str(error)) from None
        if not new and experiment.launched_at:
            return Status(201, experiment_out(request, experiment, []))
    else:
        experiment = experiment_actions.create(user, spec, origin, folder)
    warnings = [warning.message for warning in queries.preview(spec).warnings]
    return Status(201, _launched(request, experiment, warnings) if launch else experiment_out(request, experiment, warnings))


def _check_coverage(spec: ExperimentSpec) -> None:
    try:
        outside_actions.check_coverage(spec)
    except ValueError as error:
        raise Invalid(Problem("weak.models", str(error))) from None


@router.post("/experiments/preview", response=PreviewOut)
def preview(request: HttpRequest, spec: ExperimentSpec) -> PreviewOut:
    """Return the plan of the experiment in the body. Nothing is stored."""
    plan = queries.preview(spec)
    return PreviewOut(
        asked=plan.requested,
        unique=plan.unique,
        done=len(plan.done),
        at_work=len(plan.at_work),
        to_run=plan.to_run,
        seconds=plan.seconds,
        warnings=[warning.message for warning in plan.warnings],
    )


@router.get("/experiments/{experiment_id}", response=ExperimentOut)
def read(request: HttpRequest, experiment_id: int) -> ExperimentOut:
    """Return the state of an experiment, its runs, and its result so far."""
    return experiment_out(request, visible(request, experiment_id), [])


@router.post("/experiments/{experiment_id}/launch", response=ExperimentOut)
def launch(request: HttpRequest, experiment_id: int) -> ExperimentOut:
    """Start a stored experiment, or continue its stopped and failed runs."""
    return _launched(request, changed(request, experiment_id), [])


def _launched(request: HttpRequest, experiment: Experiment, warnings: list[str]) -> ExperimentOut:
    try:
        reached = experiment_actions.launch(experiment, by(request))
    except ValueError as error:  # a model of the experiment is not available any more
        raise Invalid(Problem("", str(error))) from error
    return experiment_out(request, experiment, warnings if reached else [*warnings, QUEUE_AWAY])


@router.post("/experiments/{experiment_id}/stop", response=ExperimentOut)
def stop(request: HttpRequest, experiment_id: int, evaluate: bool = False) -> ExperimentOut:
    """Stop the runs that no other running experiment needs. Their checkpoints and curves are kept.

    With ``evaluate`` the runs in training are evaluated at their present step, which gives a partial result.
    """
    experiment = changed(request, experiment_id)
    experiment_actions.stop(experiment, by(request), evaluate=evaluate)
    return experiment_out(request, experiment, [])


@router.patch("/experiments/{experiment_id}", response=ExperimentOut)
def change(request: HttpRequest, experiment_id: int, change: ChangeIn) -> ExperimentOut:
    """Change the name of the experiment, its budgets or its project, or archive it. For other settings clone the experiment.

    An archived experiment is hidden from lists unless they ask for it. The answer is 409 if it is to be archived while its runs
    are queued or in training.
    """
    experiment = changed(request, experiment_id)
    project = project_of(change.project)
    try:
        if change.name is not None:
            experiment_actions.rename(experiment, change.name, by(request))
    except ValidationError as error:
        raise Invalid(*describe(error.errors())) from error
    if "budget_hours" in change.model_fields_set:
        experiment_actions.limit(experiment, change.budget_hours, by(request))
    if change.look_budget is not None:
        outside_actions.set_look_budget(experiment, change.look_budget, by(request))
    if "project" in change.model_fields_set:
        project_actions.move(experiment, project, by(request))
    if change.archived is not None:
        try:
            experiment_actions.archive(experiment, by(request), archived=change.archived)
        except lifecycle.AtWork as error:
            raise HttpError(409, str(error)) from None
    return experiment_out(request, experiment, [])


@router.delete("/experiments/{experiment_id}", response={204: None})
def delete(request: HttpRequest, experiment_id: int) -> Status[None]:
    """Delete the experiment. Its runs stay for other experiments, and its shares do not change.

    The answer is 409 while its runs are queued or in training.
    """
    try:
        experiment_actions.delete(changed(request, experiment_id), by(request))
    except lifecycle.AtWork as error:
        raise HttpError(409, str(error)) from None
    return Status(204, None)
