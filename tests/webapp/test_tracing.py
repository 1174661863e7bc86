"""Traces are an option: what it needs, what its spans tell, and that nothing of it costs or fails a request."""

import json
import logging
import os
import subprocess
import sys
from importlib.metadata import PackageNotFoundError
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from tests.databases import Postgres
from tests.factories.collector import Collector, collector, silent_collector
from tests.lab import ROOT, free_port
from training.environment import SettingError
from webapp import telemetry, tracing
from webapp.json_logs import JsonFormatter

ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"

WEB = """
import sys, webapp.asgi
from celery import signals
from webapp.celery import app
app.loader.import_default_modules()
signals.worker_process_init.send(sender=None)
from webapp import tracing
assert tracing.headers() == tracing.ids() == {}
of_traces = ("opentelemetry.sdk.trace", "opentelemetry.exporter", "opentelemetry.instrumentation", "webapp.telemetry")
print([name for name in sys.modules if name.startswith(of_traces)])
"""

QUERIES = """
import django; django.setup()
from django.db import IntegrityError, connection
from webapp import tracing
tracing.start("web")
with connection.cursor() as cursor:
    cursor.execute("CREATE TABLE people (email text UNIQUE)")
with tracing.span("outer"), connection.cursor() as cursor:
    cursor.execute("INSERT INTO people VALUES (%s)", ["planted@example.org"])
    try:
        cursor.execute("INSERT INTO people VALUES (%s)", ["planted@example.org"])
    except IntegrityError:
        print("refused")
"""


def program(code: str, folder: Path, **environment: str) -> str:
    """Return the output of Python code in a process of its own, with the settings of a laboratory in a folder."""
    folder.chmod(0o700)
    begin = "from training.file_permissions import restrict_permissions; restrict_permissions();"
    ours = {"DATA_DIR": str(folder), "DJANGO_SETTINGS_MODULE": "webapp.settings"}
    done = subprocess.run(
        [sys.executable, "-c", begin + code],
        cwd=ROOT,
        env={name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ} | ours | environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_without_the_address_of_a_collector_neither_web_server_nor_worker_loads_what_traces(tmp_path: Path) -> None:
    """The client of Redis loads OpenTelemetry's numbers by itself, where they are installed."""
    assert program(WEB, tmp_path).splitlines()[-1] == "[]"


@pytest.mark.parametrize("name", [ENDPOINT, "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"])
def test_with_an_address_and_without_the_packages_the_refusal_names_the_extra(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(package: str) -> None:
        raise PackageNotFoundError(package)

    assert not tracing.wanted()
    monkeypatch.setenv(name, "http://collector:4318")
    assert tracing.wanted()
    monkeypatch.setattr(tracing, "distribution", absent)
    with pytest.raises(SettingError) as refusal:
        tracing.wanted()
    assert str(refusal.value) == f"{name} needs the package opentelemetry-sdk: install w2s-lab[otel]."


@pytest.mark.parametrize(
    ("variables", "sentence"),
    [
        ({ENDPOINT: "collector:4318"}, "OTEL_EXPORTER_OTLP_ENDPOINT must begin with http:// or https://."),
        (
            {ENDPOINT: "http://collector:4317", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"},
            "OTEL_EXPORTER_OTLP_PROTOCOL must be one of http/protobuf",
        ),
    ],
)
def test_a_start_that_could_send_no_spans_is_refused(variables: dict[str, str], sentence: str, tmp_path: Path) -> None:
    environment = os.environ | {"DATA_DIR": str(tmp_path), "DJANGO_SETTINGS_MODULE": "webapp.settings"} | variables
    command = [sys.executable, "manage.py", "up"]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 1
    assert done.stderr.startswith(f"SettingError: {sentence}")
    assert len(done.stderr.splitlines()) == 1


def queries_of(received: Collector) -> list[tuple[str, Any, bool]]:
    return [(span.name, span.attributes.get("db.query.text"), span.failed) for span in received.spans]


INSERT = ("INSERT", "INSERT INTO people VALUES (%s)")


def test_queries_are_told_without_their_values_also_where_they_fail_and_those_outside_of_a_span_are_not(tmp_path: Path) -> None:
    with collector() as received:
        assert program(QUERIES, tmp_path, **received.environment) == "refused\n"
        assert queries_of(received) == [(*INSERT, False), (*INSERT, True), ("outer", None, False)]
    assert {span.service for span in received.spans} == {"w2s-lab-web"}
    assert [span.events for span in received.spans] == [[], ["exception"], []]
    assert b"planted" not in b"".join(received.bodies)


def test_queries_of_postgresql_are_told_without_their_values(tmp_path: Path, postgres: Postgres) -> None:
    with collector() as received:
        assert program(QUERIES, tmp_path, DATABASE_URL=postgres.url, **received.environment) == "refused\n"
        assert [line for line in queries_of(received) if line[0] == "INSERT"] == [(*INSERT, False), (*INSERT, True)]
    assert b"planted" not in b"".join(received.bodies)


def test_the_variables_of_the_sdk_are_observed(tmp_path: Path) -> None:
    with collector() as received:
        named = {"OTEL_SERVICE_NAME": "ours", "OTEL_EXPORTER_OTLP_HEADERS": "x-tenant=seven"}
        program(QUERIES, tmp_path, **received.environment, **named)
        assert {span.service for span in received.spans} == {"ours"}
        assert received.headers[0]["x-tenant"] == "seven"
        received.bodies.clear()
        (tmp_path / "off").mkdir()
        program(QUERIES, tmp_path / "off", **received.environment, OTEL_TRACES_SAMPLER="always_off")
    assert received.spans == []


def test_a_collector_that_is_away_fails_nothing(tmp_path: Path) -> None:
    assert program(QUERIES, tmp_path, **{ENDPOINT: f"http://127.0.0.1:{free_port()}"}) == "refused\n"


def test_a_process_does_not_wait_for_a_collector_that_hangs(tmp_path: Path) -> None:
    """Without a limit of its own the program would wait ten minutes for its export, and its time of two would be over."""
    with silent_collector() as url:
        assert program(QUERIES, tmp_path, **{ENDPOINT: url, "OTEL_EXPORTER_OTLP_TIMEOUT": "600"}) == "refused\n"


def test_the_instrumentation_reads_nothing_of_a_request_but_its_method_and_its_trace() -> None:
    headers = [(b"cookie", b"planted"), (b"traceparent", b"00-01-02-03"), (b"tracestate", b"\xff\\x"), (b"\xff", b"planted")]
    about = {"type": "http", "scheme": "http", "http_version": "1.1"}
    scope = about | {"method": "PLANTED", "headers": headers, "query_string": b"\xff"}
    reduced = telemetry.reduced_scope(scope)
    assert reduced.pop("request") is scope
    assert reduced == {**about, "method": "HTTP", "headers": [(b"traceparent", b"00-01-02-03")]}


def test_a_log_line_in_json_has_the_ids_of_its_span(ended_spans: InMemorySpanExporter) -> None:
    record = logging.LogRecord("webapp", logging.WARNING, __file__, 1, "it", (), None)
    with tracing.span("outer"):
        inside = json.loads(JsonFormatter().format(record))
    (span,) = ended_spans.get_finished_spans()
    assert span.context
    assert (int(inside["trace_id"], 16), int(inside["span_id"], 16)) == (span.context.trace_id, span.context.span_id)
    assert "trace_id" not in JsonFormatter().format(record)
