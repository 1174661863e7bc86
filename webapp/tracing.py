"""Traces of OpenTelemetry, by option: where the address of a collector is set. Otherwise nothing of OpenTelemetry is imported.

The rest of the web calls these functions, which do nothing until ``start``. webapp/telemetry.py has what they do then.
"""

import contextlib
import time
from importlib.metadata import PackageNotFoundError, distribution
from types import ModuleType
from typing import TYPE_CHECKING, Any

from training import environment

if TYPE_CHECKING:
    from opentelemetry.trace import Span

PACKAGES = (
    *("opentelemetry-sdk", "opentelemetry-exporter-otlp-proto-http", "opentelemetry-instrumentation-asgi"),
    *("opentelemetry-instrumentation-celery", "opentelemetry-instrumentation-sqlite3", "opentelemetry-instrumentation-psycopg"),
)

_telemetry: ModuleType | None = None


def wanted() -> bool:
    """Return whether the address of a collector is set. Raises SettingError where spans could not be sent to it."""
    addresses = {
        "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": environment.address("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", ["http", "https"]),
        "OTEL_EXPORTER_OTLP_ENDPOINT": environment.address("OTEL_EXPORTER_OTLP_ENDPOINT", ["http", "https"]),
    }
    given = [name for name, value in addresses.items() if value]
    if not given:
        return False
    environment.choice("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf", ["http/protobuf"])
    environment.choice("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "http/protobuf", ["http/protobuf"])
    try:
        for name in PACKAGES:
            distribution(name)
    except PackageNotFoundError as error:
        raise environment.SettingError(f"{given[0]} needs the package {error.name}: install w2s-lab[otel].") from None
    return True


def start(service: str, tasks: bool = False) -> None:
    """Record the spans of this process as ``service``, where a collector is set, and of ``tasks`` that it executes.

    To be called once, after the process was forked: a thread exports the spans.
    """
    global _telemetry
    if wanted():
        from webapp import telemetry

        telemetry.start(f"w2s-lab-{service}", tasks)
        _telemetry = telemetry


def stop() -> None:
    """Send what is left, for a moment at most."""
    if _telemetry:
        _telemetry.stop()


def followed(app: Any) -> Any:
    """Return the ASGI application ``app`` with a span for each request."""
    return _telemetry.followed(app) if _telemetry else app


def describe_request(method: str, route: str, request_id: str) -> None:
    """Name the span of the current request by its route."""
    if _telemetry:
        _telemetry.describe_request(method, route, request_id)


def headers() -> dict[str, str]:
    """Return the headers by which the receiver of a message continues the current trace."""
    return _telemetry.headers() if _telemetry else {}


def ids() -> dict[str, str]:
    """Return ``trace_id`` and ``span_id`` of the current span; nothing outside of one."""
    return _telemetry.ids() if _telemetry else {}


def span(name: str) -> contextlib.AbstractContextManager[Any]:
    """Return a context whose queries belong to a span of this name."""
    return _telemetry.span(name) if _telemetry else contextlib.nullcontext()


def without_queries() -> contextlib.AbstractContextManager[Any]:
    """Return a context whose queries have no spans, for code that repeats them as long as a run trains."""
    return _telemetry.without_queries() if _telemetry else contextlib.nullcontext()


def begin(name: str, since: float, attributes: dict[str, str | int]) -> "Span | None":
    """Return a span that began at ``since``, in monotonic seconds, and that its caller ends; None without a collector."""
    if not _telemetry:
        return None
    begun: Span = _telemetry.begin(name, time.time() - (time.monotonic() - since), attributes)
    return begun


def end(span: "Span", failed: bool) -> None:
    """End a span that ``begin`` returned."""
    if _telemetry:
        _telemetry.end(span, failed)
