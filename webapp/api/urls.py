"""The JSON API, version 1. Errors are {"errors": [{"path", "message"}]}; path is the wrong field, dotted, or empty."""

import logging
from collections.abc import Callable, Sequence
from functools import cache, wraps
from typing import Any

from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from ninja import NinjaAPI
from ninja.errors import AuthenticationError, HttpError, Throttled, ValidationError
from ninja.openapi.schema import OpenAPISchema
from ninja.parser import Parser

from training import ExperimentSpec
from training.base_models import REFUSED, storable
from training.planning.plan import TooManyRuns
from training.spec import Problem, describe
from training.storage.checksums import DamagedArtifact
from webapp.access import Access, access_of
from webapp.api.archives import router as archives
from webapp.api.audit import router as audit
from webapp.api.bearers import Bearer, WorkerBearer
from webapp.api.bulk import router as bulk
from webapp.api.choices import router as choices
from webapp.api.datasets import Invalid
from webapp.api.datasets import router as datasets
from webapp.api.examples import router as examples
from webapp.api.experiment_tags import router as experiment_tags
from webapp.api.experiments import router as experiments
from webapp.api.notes import router as notes
from webapp.api.outside import router as outside
from webapp.api.projects import router as projects
from webapp.api.queue import router as queue
from webapp.api.rates import WORK_RATE, Rate, pause
from webapp.api.runs import router as runs
from webapp.api.saved_views import router as saved_views
from webapp.api.shares import router as shares
from webapp.api.submissions import router as submissions
from webapp.api.tokens import router as tokens
from webapp.api.work import router as work
from webapp.api.work_files import router as work_files
from webapp.api.workers import router as workers
from webapp.experiments.services import AlreadyStored
from webapp.failures import failed
from webapp.leases import StaleAttempt

logger = logging.getLogger(__name__)

ERRORS = {
    "type": "object",
    "properties": {
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {"path": {"type": "string"}, "message": {"type": "string"}},
                "required": ["path", "message"],
            },
        }
    },
    "required": ["errors"],
}


class Api(NinjaAPI):
    """Add the common shape of errors to the description of every operation."""

    def get_openapi_schema(self, *, path_prefix: str | None = None, path_params: Any = None) -> OpenAPISchema:
        """Return the description, which nobody changes: it takes more than a second, so it is made once for each prefix."""
        return self._described(self.get_root_path(path_params or {}) if path_prefix is None else path_prefix)

    @cache  # noqa: B019 - there is one API, which lives as long as the process
    def _described(self, prefix: str) -> OpenAPISchema:
        schema = super().get_openapi_schema(path_prefix=prefix)
        schema["components"]["schemas"]["Errors"] = ERRORS
        content = {"application/json": {"schema": {"$ref": "#/components/schemas/Errors"}}}
        for path in schema["paths"].values():
            for operation in path.values():
                operation["responses"]["default"] = {"description": "The problems, by field.", "content": content}
        return schema


class StorableParser(Parser):
    """A parser for JSON whose texts can be stored."""

    def parse_body(self, request: HttpRequest) -> Any:
        content = super().parse_body(request)
        if not storable(content):
            raise UnstorableError(REFUSED)
        return content


class UnstorableError(ValueError):
    """A text of the body cannot be stored."""


def known(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Restrict the description of the API to accounts, by their login or a token."""

    @wraps(view)
    def wrapped(request: HttpRequest, **options: Any) -> HttpResponse:
        try:
            if access_of(request.user) < Access.VIEWER and Bearer()(request) is None:
                return unauthorized(request, AuthenticationError())
        except PermissionDenied as error:
            return forbidden(request, error)
        return view(request, **options)

    return wrapped


rate = Rate(settings.API_RATE)
api = Api(
    title="Weak-to-strong Lab",
    version="1",
    auth=Bearer(),
    throttle=rate,
    docs_url=None,
    docs_decorator=known,
    parser=StorableParser(),
)
api.add_router("", bulk, tags=["experiments"])  # before the addresses of single experiments, which its own one matches
api.add_router("", experiments, tags=["experiments"])
for router in (projects, experiment_tags, saved_views):
    api.add_router("", router, tags=["projects, tags and views"])
api.add_router("", runs, tags=["runs"])
api.add_router("", queue, tags=["queue"])
api.add_router("", workers, tags=["workers"])
for router in (work, work_files):
    api.add_router("", router, tags=["workers by HTTPS"], auth=WorkerBearer(), throttle=WORK_RATE)
api.add_router("", choices, tags=["models and recipes"])
api.add_router("", datasets, tags=["data sets"])
api.add_router("", outside, tags=["labels from outside"])
api.add_router("", submissions, tags=["labels from outside"])
api.add_router("", examples, tags=["examples"])
api.add_router("", notes, tags=["tags and notes"])
api.add_router("", archives, tags=["archives"])
api.add_router("", shares, tags=["shares"])
api.add_router("", tokens, tags=["tokens"])
api.add_router("", audit, tags=["audit log"])


def errors(request: HttpRequest, status: int, problems: list[Problem]) -> HttpResponse:
    return api.create_response(request, {"errors": [vars(problem) for problem in problems]}, status=status)


@api.exception_handler(ValidationError)
def invalid(request: HttpRequest, error: ValidationError) -> HttpResponse:
    problems = describe([{**details, "loc": _location(details["loc"])} for details in error.errors])
    return errors(request, 422, problems)


def _location(location: Sequence[int | str]) -> Sequence[int | str]:
    """Return the location of a field without the part of the request and the name of the parameter that has the field."""
    if location[0] not in ("body", "query"):
        return location
    return location[2:] if location[0] == "body" or len(location) > 2 else location[1:]


@api.exception_handler(Invalid)
def unusable(request: HttpRequest, error: Invalid) -> HttpResponse:
    return errors(request, 422, error.problems)


@api.exception_handler(TooManyRuns)
def too_many(request: HttpRequest, error: TooManyRuns) -> HttpResponse:
    return errors(request, 422, [Problem("seeds", str(error))])


@api.exception_handler(AuthenticationError)
def unauthorized(request: HttpRequest, error: AuthenticationError) -> HttpResponse:
    # Operations count their own requests; a request without a valid token reaches none of them.
    if not rate.allow_request(request):
        return too_often(request, Throttled(pause(rate.wait())))
    return errors(request, 401, [Problem("", "Send a valid token: Authorization: Bearer TOKEN.")])


@api.exception_handler(StaleAttempt)
@api.exception_handler(AlreadyStored)
def conflict(request: HttpRequest, error: Exception) -> HttpResponse:
    return errors(request, 409 if isinstance(error, StaleAttempt) else 412, [Problem("", f"{error}.")])


@api.exception_handler(Http404)
def missing(request: HttpRequest, error: Http404) -> HttpResponse:
    return errors(request, 404, [Problem("", "There is nothing here, or it is not yours to see.")])


@api.exception_handler(PermissionDenied)
def forbidden(request: HttpRequest, error: PermissionDenied) -> HttpResponse:
    return errors(request, 403, [Problem("", str(error))])


@api.exception_handler(Throttled)
def too_often(request: HttpRequest, error: Throttled) -> HttpResponse:
    seconds = pause(error.wait)
    sentence = f"That is more than {rate.num_requests} requests in {rate.duration} s. Ask again in {seconds} s."
    answer = errors(request, 429, [Problem("", sentence)])
    answer["Retry-After"] = str(seconds)
    return answer


@api.exception_handler(DamagedArtifact)
@api.exception_handler(Exception)
def failing(request: HttpRequest, error: Exception) -> HttpResponse:
    """Answer a known failure. Raise other exceptions again."""
    known = failed(error)
    if known is None:
        raise error
    logger.warning("%s %s: %s", request.method, request.path, known[1], exc_info=error)
    return errors(request, known[0], [Problem("", known[1])])


@api.exception_handler(HttpError)
def refused(request: HttpRequest, error: HttpError) -> HttpResponse:
    if isinstance(error.__cause__, UnstorableError):
        return errors(request, 422, [Problem("", str(error.__cause__))])
    return errors(request, error.status_code, [Problem("", str(error))])


@api.get("/schema", tags=["experiments"])
def schema(request: HttpRequest) -> dict[str, Any]:
    """Return the JSON schema of an experiment."""
    return ExperimentSpec.model_json_schema()
