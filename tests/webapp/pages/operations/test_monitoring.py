"""The addresses for programs that watch the laboratory: liveness, readiness, and the numbers for Prometheus."""

import json
import re
import shutil
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from django.conf import settings as configured
from django.contrib.auth.models import User
from django.db import OperationalError, connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from prometheus_client.parser import text_string_to_metric_families

from tests.factories import states
from tests.factories.experiments import launched
from tests.factories.scrapes import numbers
from tests.factories.workers import a_worker, gpu, silence
from webapp import readiness
from webapp.experiments import gauges, queue
from webapp.experiments.models import Event, Run, Status
from webapp.readiness import CHECKS, Fault

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("called")]

DASHBOARD = json.loads((configured.BASE_DIR / "deploy" / "grafana.json").read_text())


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A broker that answers, and a new answer for each request."""
    monkeypatch.setattr(readiness, "FRESH_SECONDS", -1.0)
    monkeypatch.setitem(CHECKS, "broker", lambda: None)
    monkeypatch.setattr(readiness, "_last", None)
    yield
    readiness._migrated.clear()


def test_a_process_that_lives_says_so_without_its_database(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "cursor", lambda: 1 / 0)
    assert client.get("/healthz").content == b"ok"


def test_a_process_whose_parts_work_is_ready(client: Client) -> None:
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json()) == (200, {"ready": True, "parts": dict.fromkeys(CHECKS, "ok")})
    assert list(configured.ARTIFACTS_DIR.glob(".probe-*")) == []


def test_what_is_wrong_is_told_to_this_machine_and_hidden_from_others(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> None:
        raise Fault("The broker does not answer.")

    monkeypatch.setitem(CHECKS, "broker", broken)
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["parts"] == {**dict.fromkeys(CHECKS, "ok"), "broker": "The broker does not answer."}
    answer = client.get("/readyz", REMOTE_ADDR="203.0.113.5")
    assert (answer.status_code, answer.json()) == (503, {"ready": False})


def test_a_database_without_an_answer_is_a_fault(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def away() -> Any:
        raise OperationalError("password authentication failed for ada:secret")

    monkeypatch.setattr(connection, "cursor", away)
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["parts"]["database"] == "The database cannot be reached."
    assert "secret" not in answer.content.decode()


def test_migrations_that_are_not_applied_are_a_fault(client: Client) -> None:
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM django_migrations WHERE app = 'notes' AND name LIKE '0002%%'")
    parts = client.get("/readyz").json()["parts"]
    assert parts["migrations"] == "1 migrations are not applied. Run: manage.py migrate."


def test_a_broker_that_is_away_is_a_fault(monkeypatch: pytest.MonkeyPatch, settings: Any) -> None:
    settings.REDIS_URL = "redis://:pass@127.0.0.1:9/0"
    with pytest.raises(Fault, match="The broker does not answer"):
        readiness.check_broker()


def test_a_store_that_cannot_be_written_and_a_full_disk_are_faults(
    client: Client, monkeypatch: pytest.MonkeyPatch, settings: Any, tmp_path: Any
) -> None:
    (tmp_path / "file").touch()
    settings.ARTIFACTS_DIR = tmp_path / "file" / "artifacts"
    parts = client.get("/readyz").json()["parts"]
    assert parts["store"] == "The store of artifacts cannot be written: Not a directory."
    settings.ARTIFACTS_DIR = tmp_path
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=2**20))
    assert "0.00 GiB are free" in client.get("/readyz").json()["parts"]["disk"]


def test_the_numbers_are_for_this_machine_a_token_and_allowed_networks(client: Client, settings: Any) -> None:
    assert client.get("/metrics").status_code == 200
    assert client.get("/metrics", headers={"x-forwarded-for": "127.0.0.1"}).status_code == 403
    assert client.get("/metrics", REMOTE_ADDR="203.0.113.5").status_code == 403
    assert client.get("/metrics", REMOTE_ADDR="").status_code == 403
    settings.METRICS_TOKEN = "a token"
    for sent, status in (("Bearer a token", 200), ("Bearer another", 403), ("a token", 403), ("Bearer ", 403)):
        assert client.get("/metrics", headers={"authorization": sent}, REMOTE_ADDR="203.0.113.5").status_code == status
    settings.METRICS_NETWORKS = ["10.0.0.0/8"]
    assert client.get("/metrics", headers={"x-forwarded-for": "10.1.2.3"}, REMOTE_ADDR="10.1.2.3").status_code == 200
    assert client.get("/metrics", REMOTE_ADDR="11.1.2.3").status_code == 403


def test_without_a_token_no_empty_one_opens_the_numbers(client: Client, settings: Any) -> None:
    settings.METRICS_TOKEN = ""
    assert client.get("/metrics", headers={"authorization": "Bearer "}, REMOTE_ADDR="203.0.113.5").status_code == 403


def test_the_queue_its_runs_and_its_workers_are_counted(client: Client, owner: User) -> None:
    experiment = launched(owner)
    first, *_ = states.queued(experiment)
    Run.objects.filter(pk=first.pk).update(queued_at=timezone.now() - timedelta(minutes=5))
    leased = states.queued(experiment)[1]
    Run.objects.filter(pk=leased.pk).update(status=Status.RUNNING, lease_until=timezone.now() - timedelta(seconds=5))
    a_worker("gpu@host", devices=[gpu(80)])
    silence(a_worker("gone@host"), 5)
    queue.pause(owner, "a test")
    samples = numbers(client)
    queued = Run.objects.filter(status=Status.QUEUED).count()
    assert samples["w2s_runs", "queued"] == queued > 0
    assert (samples["w2s_runs", "running"], samples["w2s_leases",], samples["w2s_leases_expired",]) == (1, 1, 1)
    assert 300 <= samples["w2s_queue_oldest_seconds",] < 360
    assert samples["w2s_queue_paused",] == 1
    assert (samples["w2s_worker_online", "gpu@host"], samples["w2s_worker_online", "gone@host"]) == (1, 0)
    assert samples["w2s_device_memory_bytes", "0", "A GPU", "gpu@host"] == 80 * 2**30
    last = Event.objects.order_by("-pk").values_list("pk", flat=True).first()
    assert samples["w2s_events_total",] == (last or 0)
    assert samples["w2s_ready", "database"] == 1


def test_free_space_is_told_before_there_is_a_folder_of_artifacts(client: Client, settings: Any, tmp_path: Path) -> None:
    numbers(client)  # so that no probe makes it
    settings.ARTIFACTS_DIR = tmp_path / "none"
    assert numbers(client)["w2s_disk_free_bytes",] > 0


def test_the_numbers_cost_the_same_queries_in_a_larger_laboratory(owner: User) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            gauges.read()
        return len(captured)

    before = queries()
    for seed in range(3):
        launched(owner, data={"split_seed": seed})
        a_worker(f"worker{seed}@host")
    assert queries() == before == 8


def test_while_the_database_is_away_the_numbers_say_so(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def away() -> Any:
        raise OperationalError("away")

    monkeypatch.setattr(gauges, "read", away)
    monkeypatch.setattr(connection, "cursor", away)
    samples = numbers(client)
    assert samples["w2s_ready", "database"] == 0
    assert ("w2s_leases",) not in samples


def test_requests_are_counted_by_route_and_never_by_what_is_in_the_address(client: Client, owner: User) -> None:
    client.force_login(owner)
    secret = "secret" * 6
    for path in ("/queue/", f"/join/{secret}/", f"/{secret}/", f"/runs/4242/?token={secret}"):
        client.get(path)
    text = client.get("/metrics").content.decode()
    assert 'w2s_requests_total{method="GET",route="/queue/",status="200"}' in text
    assert 'w2s_requests_total{method="GET",route="none",status="404"}' in text
    assert 'route="/runs/<int:pk>/"' in text
    assert secret not in text
    # Labels alone: the digits of a measured time may hold any number.
    labels = re.findall(r'="([^"]*)"', text)
    assert [label for label in labels if "4242" in label] == []


def test_every_number_of_the_dashboard_exists(client: Client, owner: User) -> None:
    launched(owner)
    a_worker("gpu@host", devices=[{**gpu(80), "busy": 0.5}])
    client.get("/queue/")
    known = {name for name, *_ in numbers(client)}
    expressions = [target["expr"] for panel in DASHBOARD["panels"] for target in panel.get("targets", ())]
    named = {name for expression in expressions for name in re.findall(r"\b(?:w2s|process)_\w+", expression)}
    assert len(named) > 20
    assert named - known == set()


def test_every_number_of_the_laboratory_is_in_the_dashboard_or_its_panels(client: Client, owner: User) -> None:
    launched(owner)
    a_worker("gpu@host", devices=[{**gpu(80), "busy": 0.5}])
    text = json.dumps(DASHBOARD)
    families = text_string_to_metric_families(client.get("/metrics").content.decode())
    left = {family.name for family in families if family.name.startswith("w2s_") and family.name not in text}
    assert left == set()
