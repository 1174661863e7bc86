"""A laboratory with a collector of OpenTelemetry: what arrives there, and what it costs where the collector hangs."""

import json
import socket
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

from tests.factories.collector import Collector, ReceivedSpan, collector, silent_collector
from tests.lab import Lab, quick

SERVICES = {"w2s-lab-web", "w2s-lab-worker", "w2s-lab-chores", "w2s-lab-recover"}
AT_THE_END = {f"OTEL_BSP_{name}": "600000" for name in ("SCHEDULE_DELAY", "MAX_QUEUE_SIZE", "MAX_EXPORT_BATCH_SIZE")}
"""Spans wait ten minutes, or for as many others: each process sends its own when it ends, or never."""
SECRETS = ("planted", "Planted")
STRANGE = b"GET /planted\xff?planted=\xff%FF HTTP/1.1\r\nHost: 127.0.0.1\r\ntraceparent: \xff\\x\r\nConnection: close\r\n\r\n"


def visit(lab: Lab, path: str, body: bytes | None = None) -> int:
    """The status of a request with secrets in its address, headers and form."""
    headers = {"Cookie": "sessionid=planted", "Referer": "http://planted/", "User-Agent": "planted", "X-Forwarded-For": "planted"}
    try:
        with urlopen(Request(f"{lab.url}{path}", body, headers), timeout=60) as answer:
            return int(answer.status)
    except OSError as error:
        return int(getattr(error, "code", 0))


def send_bytes_that_no_text_has(lab: Lab) -> bytes:
    address = urlsplit(lab.url)
    with socket.create_connection((address.hostname or "", address.port or 0), timeout=60) as connection:
        connection.sendall(STRANGE)
        return connection.makefile("rb").read()


def descends(span: ReceivedSpan, ancestor: ReceivedSpan, collected: Collector) -> bool:
    parents = {each.own: each.parent for each in collected.spans}
    own = span.own
    while own and own != ancestor.own:
        own = parents.get(own, "")
    return bool(own)


def test_a_collector_receives_the_way_from_a_launch_to_its_runs_and_no_secret(tmp_path: Path) -> None:
    with collector() as collected:
        hook = {"WEBHOOK_URL": f"{collected.url}/planted-hook", "OUTGOING_NETWORKS": "127.0.0.1", "LOG_FORMAT": "json"}
        with Lab(tmp_path, **collected.environment | AT_THE_END, **hook) as lab:
            link = urlsplit(lab.login_link).path
            lab.read("/experiments/?search=planted")
            for path in ("/s/planted-token-of-a-share-link/", "/join/planted-invitation-secret/", "/planted/?code=planted"):
                assert visit(lab, path) in (404, 410)
            assert visit(lab, "/login/", b"username=planted&password=planted") == 403
            assert b" 40" in send_bytes_that_no_text_has(lab)[:20]
            experiment = lab.finished(lab.launch(quick(name="Planted name")))
            assert experiment["state"] == "finished"
            lab.until(lambda: "received" in (tmp_path / "logs/chores.log").read_text())
            lab.until(lambda: collected.others)
        assert {span.service for span in collected.spans} == SERVICES
        received = b"".join(collected.bodies)
        assert not any(secret.encode() in received for secret in (*SECRETS, link.split("/")[-2], lab.token))
        (launch,) = collected.named("POST /api/v1/experiments")
        assert launch.attributes["http.response.status_code"] == 201
        assert launch.attributes["http.route"] == "/api/v1/experiments"
        queries = [span for span in collected.spans if span.parent == launch.own and "db.query.text" in span.attributes]
        assert queries
        runs = collected.named("run")
        assert {(span.attributes["w2s.run.id"], *span.attributes["w2s.run.role"]) for span in runs} == {
            (run["run"], run["role"]) for run in experiment["runs"]
        }
        assert all(descends(span, launch, collected) for span in runs)
        assert {span.attributes["w2s.run.state"] for span in runs} == {"finished"}
        assert all("started" in span.events and span.attributes["w2s.run.device"].startswith("cpu") for span in runs)
        lines = [json.loads(line) for line in (tmp_path / "logs/web.log").read_text().splitlines()]
        (line,) = [line for line in lines if (line.get("method"), line.get("route")) == ("POST", "/api/v1/experiments")]
        assert (line["trace_id"], line["span_id"]) == (launch.trace, launch.own)
        assert line["request"] == launch.attributes["w2s.request_id"]


def test_a_collector_that_hangs_delays_neither_pages_nor_runs_nor_the_end(tmp_path: Path) -> None:
    """Exports last ten minutes here, so that each wait for them would be longer than the test waits."""
    with silent_collector() as url:
        slowly = {"OTEL_EXPORTER_OTLP_TIMEOUT": "600", "OTEL_BSP_SCHEDULE_DELAY": "200", "OTEL_BSP_MAX_QUEUE_SIZE": "512"}
        with Lab(tmp_path, OTEL_EXPORTER_OTLP_ENDPOINT=url, **slowly) as lab:
            assert lab.finished(lab.launch(quick()))["state"] == "finished"
            assert lab.read("/experiments/")
    assert "Finished server process" in (tmp_path / "logs/web.log").read_text(), "it ended by itself"
