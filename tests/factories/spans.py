"""Spans of a test's own process, recorded without a collector."""

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from webapp import telemetry, tracing


def recorded(monkeypatch: pytest.MonkeyPatch) -> InMemorySpanExporter:
    """Return what has the spans that end from now on, those of instrumentations excepted."""
    spans, provider = InMemorySpanExporter(), TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(spans))
    monkeypatch.setattr(trace, "get_tracer", provider.get_tracer)
    monkeypatch.setattr(tracing, "_telemetry", telemetry)
    return spans
