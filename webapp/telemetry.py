"""OpenTelemetry in a process of the laboratory: its instrumentations, what spans may tell, and their export.

Imported by webapp/tracing.py, and only where the address of a collector is set.
"""

import atexit
import contextlib
import os
from collections.abc import Awaitable, Callable, Iterator, Mapping, MutableMapping, Sequence
from typing import Any

from django.conf import settings
from opentelemetry import propagate, trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.instrumentation.asgi import OpenTelemetryMiddleware
from opentelemetry.instrumentation.celery import CeleryInstrumentor
from opentelemetry.instrumentation.psycopg import PsycopgInstrumentor
from opentelemetry.instrumentation.sqlite3 import SQLite3Instrumentor
from opentelemetry.instrumentation.utils import suppress_instrumentation
from opentelemetry.sdk.resources import SERVICE_NAME, OTELResourceDetector, Resource
from opentelemetry.sdk.trace import Event, ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExportResult
from opentelemetry.trace import Status, StatusCode

from webapp.request_context import METHODS, NO_ROUTE
from webapp.slow_queries import LONGEST

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Message, Receive, Send], Awaitable[None]]

STOP_SECONDS = 2.0
"""Longest wait at the end of a process for the collector."""

QUERY = "db.query.text"
ALLOWED = frozenset(
    {
        *("http.request.method", "http.route", "http.response.status_code", "url.scheme", "network.protocol.version"),
        *("db.system.name", QUERY, "error.type", "exception.type"),
        *("celery.action", "celery.state", "celery.task_name", "messaging.destination"),
    }
)
"""Attributes that leave, besides those of ours. Addresses, names and messages of errors may hold secrets and personal data."""
OURS = "w2s."


class Exporter(OTLPSpanExporter):
    """Sends spans without all that is not in ALLOWED."""

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        return super().export([reduced(span) for span in spans])


class Processor(BatchSpanProcessor):
    """A bounded queue of ended spans, which a thread exports. A full queue drops spans, and nothing waits for it."""

    def on_end(self, span: ReadableSpan) -> None:
        """Queue a span, unless it is a query outside of a request, a task and a run: heartbeats and rounds repeat theirs."""
        if span.parent is not None or QUERY not in (span.attributes or {}):
            super().on_end(span)

    def shutdown(self) -> None:
        self._batch_processor.shutdown(timeout_millis=round(STOP_SECONDS * 1000))


def reduced(span: ReadableSpan) -> ReadableSpan:
    return ReadableSpan(
        name=span.name,
        context=span.context,
        parent=span.parent,
        resource=span.resource,
        attributes=_allowed(span.attributes),
        events=[Event(event.name, _allowed(event.attributes), event.timestamp) for event in span.events],
        kind=span.kind,
        status=Status(span.status.status_code),
        start_time=span.start_time,
        end_time=span.end_time,
        instrumentation_scope=span.instrumentation_scope,
    )


def _allowed(attributes: Mapping[str, Any] | None) -> dict[str, Any]:
    remaining = {name: value for name, value in (attributes or {}).items() if name in ALLOWED or name.startswith(OURS)}
    if QUERY in remaining:
        remaining[QUERY] = " ".join(str(remaining[QUERY]).split())[:LONGEST]
    return remaining


_provider: TracerProvider | None = None


def start(service: str, tasks: bool) -> None:
    """Instrument this process and start its thread of export.

    Tasks only where they are executed: the instrumentation never ends the span of a task that its sender does not know.
    """
    global _provider
    os.environ["OTEL_SEMCONV_STABILITY_OPT_IN"] = "http,database"  # the stable names of attributes, which ALLOWED has
    named = SERVICE_NAME in OTELResourceDetector().detect().attributes
    # Not shut down by the SDK, which would wait half a minute for a collector.
    _provider = TracerProvider(resource=Resource.create({} if named else {SERVICE_NAME: service}), shutdown_on_exit=False)
    _provider.add_span_processor(Processor(Exporter()))
    trace.set_tracer_provider(_provider)
    sqlite = settings.DATABASES["default"]["ENGINE"].endswith("sqlite3")
    (SQLite3Instrumentor() if sqlite else PsycopgInstrumentor()).instrument()
    if tasks:
        CeleryInstrumentor().instrument()  # type: ignore[no-untyped-call]
    atexit.register(stop)


def stop() -> None:
    if _provider:
        _provider.shutdown()


def followed(app: App) -> App:
    async def known(scope: Message, receive: Receive, send: Send) -> None:
        await app(scope["request"], receive, send)

    middleware = OpenTelemetryMiddleware(
        known, default_span_details=lambda scope: (scope["method"], {}), exclude_spans=["receive", "send"]
    )

    async def application(scope: Message, receive: Receive, send: Send) -> None:
        await middleware(reduced_scope(scope), receive, send)

    return application


def reduced_scope(scope: Message) -> Message:
    """Return what the instrumentation reads of a request: no address and no header but those of the trace.

    It decodes all that it is given, and a request with bytes that it cannot decode would fail.
    """
    fields = propagate.get_global_textmap().fields
    headers = [(name, value) for name, value in scope["headers"] if name.decode("latin1") in fields and value.isascii()]
    about = {name: scope[name] for name in ("type", "scheme", "http_version")}
    return {**about, "method": scope["method"] if scope["method"] in METHODS else "HTTP", "headers": headers, "request": scope}


def describe_request(method: str, route: str, request_id: str) -> None:
    span = trace.get_current_span()
    span.set_attribute(f"{OURS}request_id", request_id)
    if route != NO_ROUTE:
        span.update_name(f"{method} {route}")
        span.set_attribute("http.route", route)


def headers() -> dict[str, str]:
    carrier: dict[str, str] = {}
    propagate.inject(carrier)
    return carrier


def ids() -> dict[str, str]:
    context = trace.get_current_span().get_span_context()
    if not context.is_valid:
        return {}
    return {"trace_id": trace.format_trace_id(context.trace_id), "span_id": trace.format_span_id(context.span_id)}


@contextlib.contextmanager
def span(name: str) -> Iterator[None]:
    with trace.get_tracer(__name__).start_as_current_span(name):
        yield


without_queries = suppress_instrumentation


def begin(name: str, at: float, attributes: Mapping[str, str | int]) -> trace.Span:
    return trace.get_tracer(__name__).start_span(name, start_time=round(at * 1e9), attributes=attributes)


def end(span: trace.Span, failed: bool) -> None:
    if failed:
        span.set_status(StatusCode.ERROR)
    span.end()
