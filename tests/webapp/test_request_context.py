"""Requests have ids, which answers name and log records carry, and slow queries are logged."""

import json
import logging
import re
import subprocess
import sys
from typing import Any

import pytest
from django.conf import settings as configured
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client

from tests.factories.scrapes import numbers
from webapp import slow_queries
from webapp.json_logs import JsonFormatter
from webapp.pages.home import views
from webapp.request_context import of_runs

GIVEN = "a1b2-c3d4.e5"


@pytest.mark.django_db
@pytest.mark.parametrize("sent", ["", "short", "with blank in it", "x" * 65, "ünïcödë-id", "a;b=cdefgh", "line\\nbreak1"])
def test_an_id_that_is_not_well_formed_is_replaced(client: Client, sent: str) -> None:
    answered = client.get("/healthz", headers={"x-request-id": sent})["X-Request-ID"]
    assert re.fullmatch("[0-9a-f]{32}", answered)
    assert client.get("/healthz")["X-Request-ID"] != answered


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/healthz", "/no/such/page/", "/api/v1/nothing", "/account/"])
def test_a_well_formed_id_is_taken_over_and_returned(client: Client, path: str) -> None:
    assert client.get(path, headers={"x-request-id": GIVEN})["X-Request-ID"] == GIVEN


def formatted(record: logging.LogRecord) -> dict[str, Any]:
    line = JsonFormatter().format(record)
    assert "\n" not in line
    return dict(json.loads(line))


def test_a_record_of_a_request_carries_its_id_and_its_error(
    owner: User, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = Client(raise_request_exception=False)
    client.force_login(owner)
    lines: list[dict[str, Any]] = []

    class Collected(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append(formatted(record))

    handler = Collected()
    monkeypatch.setattr(views, "render", lambda *_, **__: 1 / 0)
    logging.getLogger().addHandler(handler)
    try:
        with caplog.at_level(logging.INFO, "webapp.request_context"):
            assert client.get("/", headers={"x-request-id": GIVEN}).status_code == 500
    finally:
        logging.getLogger().removeHandler(handler)
    assert {line["request"] for line in lines} == {GIVEN}
    [access] = [line for line in lines if line["logger"] == "webapp.request_context"]
    assert (access["method"], access["route"], access["status"], access["level"]) == ("GET", "/", 500, "info")
    assert any("ZeroDivisionError" in line.get("error", "") for line in lines)


def test_records_of_a_worker_carry_its_runs() -> None:
    record = logging.LogRecord("webapp", logging.WARNING, __file__, 1, "lost %s", ("it",), None)
    with of_runs(3, 4):
        assert formatted(record) | {"time": ""} == {
            **{"time": "", "level": "warning", "logger": "webapp", "message": "lost it"},
            "runs": "3,4",
        }
    assert "runs" not in formatted(record)


def test_with_the_option_every_line_of_a_program_is_json(tmp_path: Any) -> None:
    code = (
        "import logging, django; django.setup(); logging.getLogger('webapp.some').warning('password=hunter22 %s', 'a');"
        "logging.getLogger('uvicorn.access').info('GET /s/a-token-of-a-share/');"
        "logging.getLogger('uvicorn.error').info('started')"
    )
    environment = {"DATA_DIR": str(tmp_path), "LOG_FORMAT": "json", "DJANGO_SETTINGS_MODULE": "webapp.settings", "PATH": ""}
    begin = "from training.file_permissions import restrict_permissions; restrict_permissions();"
    done = subprocess.run(
        [sys.executable, "-c", begin + code], env=environment, cwd=configured.BASE_DIR, capture_output=True, text=True, check=True
    )
    first, second = map(json.loads, done.stderr.splitlines())
    assert first["message"] == "password=*** a"
    assert (second["logger"], second["message"], second["level"]) == ("uvicorn.error", "started", "info")


@pytest.mark.django_db
def test_a_slow_query_is_logged_without_its_values(client: Client, settings: Any, caplog: pytest.LogCaptureFixture) -> None:
    def ask() -> None:
        with connection.execute_wrapper(slow_queries.log_if_slow), connection.cursor() as cursor:
            cursor.execute("SELECT %s", ["a secret"])

    settings.SLOW_QUERY_SECONDS = 1000.0
    ask()
    assert caplog.text == ""
    settings.SLOW_QUERY_SECONDS = 0.0
    before = numbers(client)["w2s_slow_queries_total",]
    ask()
    assert re.search(r"a query took 0\.\d+ s: SELECT %s", caplog.text)
    assert "a secret" not in caplog.text
    assert numbers(client)["w2s_slow_queries_total",] == before + 1


@pytest.mark.django_db
def test_connections_are_watched_where_the_option_is_set(settings: Any) -> None:
    settings.SLOW_QUERY_SECONDS = 5.0
    slow_queries._watch(connection=connection)
    slow_queries._watch(connection=connection)
    assert connection.execute_wrappers.count(slow_queries.log_if_slow) == 1
    connection.execute_wrappers.remove(slow_queries.log_if_slow)
