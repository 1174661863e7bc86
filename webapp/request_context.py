"""Requests as they are followed in logs and numbers: each has an id, which its answer names and its log records carry."""

import re
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from logging import getLogger
from uuid import uuid4

from asgiref.sync import iscoroutinefunction
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.decorators import sync_and_async_middleware

from webapp import tracing
from webapp.instruments import REQUEST_SECONDS, REQUESTS

logger = getLogger(__name__)

HEADER = "X-Request-ID"
WELL_FORMED = re.compile(r"[A-Za-z0-9._-]{8,64}")
"""An id from the proxy or the client that is taken over. Any other is replaced."""

NO_ROUTE = "none"
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})

request_id: ContextVar[str] = ContextVar("request_id", default="")
run_id: ContextVar[str] = ContextVar("run_id", default="")
"""The runs that a worker trains, separated by commas."""

SyncHandler = Callable[[HttpRequest], HttpResponseBase]
AsyncHandler = Callable[[HttpRequest], Awaitable[HttpResponseBase]]


@contextmanager
def of_runs(*numbers: int) -> Iterator[None]:
    """Have all log records of the block carry the numbers of these runs."""
    token = run_id.set(",".join(map(str, numbers)))
    try:
        yield
    finally:
        run_id.reset(token)


@sync_and_async_middleware
def followed(get_response: SyncHandler | AsyncHandler) -> SyncHandler | AsyncHandler:
    """Give every request an id, and count it by its route and status."""

    def begin(request: HttpRequest) -> float:
        sent = request.headers.get(HEADER, "")
        request_id.set(sent if WELL_FORMED.fullmatch(sent) else uuid4().hex)
        return time.perf_counter()

    def end(request: HttpRequest, response: HttpResponseBase, begun: float) -> HttpResponseBase:
        response.headers[HEADER] = request_id.get()
        seconds, route = time.perf_counter() - begun, route_of(request)
        method = request.method if request.method in METHODS else "other"
        tracing.describe_request(method, route, request_id.get())
        REQUESTS.labels(method, route, str(response.status_code)).inc()
        REQUEST_SECONDS.labels(route).observe(seconds)
        about = {"method": method, "route": route, "status": response.status_code, "seconds": round(seconds, 4)}
        logger.info("%s %s %d", method, route, response.status_code, extra={"about": about})
        request_id.set("")
        return response

    if iscoroutinefunction(get_response):

        async def async_middleware(request: HttpRequest) -> HttpResponseBase:
            begun = begin(request)
            return end(request, await get_response(request), begun)

        return async_middleware

    def middleware(request: HttpRequest) -> HttpResponseBase:
        begun = begin(request)
        return end(request, get_response(request), begun)  # type: ignore[arg-type]

    return middleware


def route_of(request: HttpRequest) -> str:
    """Return the pattern of the address, as /runs/<int:pk>/: without numbers, names and tokens."""
    match = request.resolver_match
    return f"/{match.route}" if match else NO_ROUTE
