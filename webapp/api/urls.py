"""The JSON door, version 1. Errors are {"errors": [{"path", "message"}]}; path is the wrong field, dotted, or empty."""

from typing import Any

from django.contrib.auth.models import User
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from ninja import NinjaAPI, Schema, Status
from ninja.errors import AuthenticationError, HttpError, ValidationError
from ninja.security import HttpBearer

from training import ExperimentSpec
from training.results import Result
from training.spec import Problem, describe
from webapp.api.datasets import Invalid
from webapp.api.datasets import router as datasets
from webapp.api.examples import router as examples
from webapp.api.models import user_of
from webapp.experiments import queries, services
from webapp.experiments.models import Experiment
from webapp.jobs import launch as jobs


class Bearer(HttpBearer):
    def authenticate(self, request: HttpRequest, token: str) -> User | None:
        user = user_of(token)
        if user:
            request.user = user
        return user


api = NinjaAPI(title="Weak-to-strong Lab", version="1", auth=Bearer(), docs_url=None)
api.add_router("", datasets)
api.add_router("", examples)


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


class EventsOut(Schema):
    events: list[dict[str, Any]]
    last: int


def experiment_out(experiment: Experiment, warnings: list[str]) -> ExperimentOut:
    progress = queries.progress(experiment)
    return ExperimentOut(
        id=experiment.pk,
        name=experiment.name,
        state=queries.state(experiment),
        fraction=progress.fraction,
        seconds_left=progress.seconds_left,
        spec=experiment.experiment_spec,
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
                error=part.run.error,
            )
            for part in queries.parts(experiment)
        ],
        result=None if experiment.result is None else Result.model_validate(experiment.result),
        warnings=warnings,
    )


def errors(request: HttpRequest, status: int, problems: list[Problem]) -> HttpResponse:
    return api.create_response(request, {"errors": [vars(problem) for problem in problems]}, status=status)


@api.exception_handler(ValidationError)
def invalid(request: HttpRequest, error: ValidationError) -> HttpResponse:
    problems = describe(error.errors)
    paths = [one.path.removeprefix("query.").removeprefix("view.") for one in problems]
    return errors(request, 422, [Problem(path, one.message) for path, one in zip(paths, problems, strict=True)])


@api.exception_handler(Invalid)
def unusable(request: HttpRequest, error: Invalid) -> HttpResponse:
    return errors(request, 422, error.problems)


@api.exception_handler(AuthenticationError)
def unauthorized(request: HttpRequest, error: AuthenticationError) -> HttpResponse:
    return errors(request, 401, [Problem("", "Send a valid token: Authorization: Bearer TOKEN.")])


@api.exception_handler(Http404)
def missing(request: HttpRequest, error: Http404) -> HttpResponse:
    return errors(request, 404, [Problem("", "There is nothing here, or it is not yours to see.")])


@api.exception_handler(HttpError)
def refused(request: HttpRequest, error: HttpError) -> HttpResponse:
    return errors(request, error.status_code, [Problem("", str(error))])


def visible(request: HttpRequest, experiment_id: int) -> Experiment:
    return get_object_or_404(queries.visible(request.user), pk=experiment_id)


@api.post("/experiments", response={201: ExperimentOut})
def create(request: HttpRequest, spec: ExperimentSpec, launch: bool = False) -> Status[ExperimentOut]:
    """Stores the experiment that the body describes, and starts it with ``?launch=true``."""
    assert isinstance(request.user, User)
    experiment = services.create(request.user, spec)
    warnings = [warning.message for warning in queries.preview(spec).warnings]
    if launch and not jobs.launch(experiment):
        warnings.append("The queue cannot be reached now. The runs are kept and start when it is back.")
    return Status(201, experiment_out(experiment, warnings))


@api.get("/experiments/{experiment_id}", response=ExperimentOut)
def read(request: HttpRequest, experiment_id: int) -> ExperimentOut:
    """The state of an experiment, its runs, and its result as far as it is known."""
    return experiment_out(visible(request, experiment_id), [])


@api.post("/experiments/{experiment_id}/stop", response=ExperimentOut)
def stop(request: HttpRequest, experiment_id: int) -> ExperimentOut:
    """Stops the runs that no other experiment at work needs; their points are kept."""
    experiment = visible(request, experiment_id)
    jobs.stop(experiment, str(request.user))
    return experiment_out(experiment, [])


@api.get("/runs/{run_id}/events", response=EventsOut)
def events(request: HttpRequest, run_id: int, after: int = 0) -> EventsOut:
    """Up to a thousand events of the run after number ``after``; ask again from ``last`` until none come."""
    run = get_object_or_404(queries.visible_runs(request.user), pk=run_id)
    found = queries.events_after(run.pk, after)
    return EventsOut(events=found, last=found[-1]["seq"] if found else after)


@api.get("/schema")
def schema(request: HttpRequest) -> dict[str, Any]:
    """The JSON schema of an experiment."""
    return ExperimentSpec.model_json_schema()
