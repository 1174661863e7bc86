"""A worker by HTTPS alone: its token, its leases, and events that are stored once whatever becomes of the answers."""

import json
import re
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.test import Client

from tests.factories import claims
from tests.factories.experiments import launched
from tests.factories.https_workers import STARTED, HttpsWorker, metric
from webapp.accounts import tokens
from webapp.accounts.models import Scope
from webapp.api.urls import api
from webapp.experiments import queries, queue, workers
from webapp.experiments.models import Run, Status, Worker

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("called")]


@pytest.fixture
def worker(owner: User) -> HttpsWorker:
    launched(owner)
    return HttpsWorker()


def operations() -> list[tuple[str, str]]:
    """Return method and address of every operation, with numbers and names that stand for nothing."""
    paths = api.get_openapi_schema()["paths"]
    return [(method.upper(), re.sub(r"\{\w+\}", "1", path)) for path, methods in paths.items() for method in methods]


def test_the_token_of_a_worker_is_refused_by_every_other_operation(worker: HttpsWorker) -> None:
    others = [(method, path) for method, path in operations() if not path.startswith("/api/v1/work/")]
    assert len(others) > 50
    answers = {
        (method, path): worker.client.generic(method, path, "{}", content_type="application/json").status_code
        for method, path in others
    }
    assert set(answers.values()) == {403}, answers
    assert worker.client.get("/api/v1/docs", follow=True).status_code in (403, 404)
    assert worker.client.get("/experiments/").status_code == 302


@pytest.mark.parametrize("scope", [Scope.READ, Scope.WRITE])
def test_the_operations_of_workers_refuse_the_tokens_of_people(owner: User, scope: Scope) -> None:
    owner.is_superuser = True
    owner.save()
    client = Client(headers={"authorization": f"Bearer {tokens.make(owner, 'script', scope)[1]}"})
    own = [(method, path.replace("/work/1", "/work/gpu0@node")) for method, path in operations() if "/api/v1/work/" in path]
    assert len(own) > 12
    for method, path in own:
        answer = client.generic(method, path, "{}", content_type="application/json")
        assert answer.status_code == 403, (method, path)


def test_only_administrators_make_tokens_of_workers_and_those_end_with_their_role(owner: User) -> None:
    client = Client(headers={"authorization": f"Bearer {tokens.make(owner, 'script')[1]}"})
    body = json.dumps({"name": "gpu", "scope": "worker"})
    assert client.post("/api/v1/tokens", body, content_type="application/json").status_code == 403
    admin = User.objects.create_user("root", is_superuser=True)
    worker = HttpsWorker(admin=admin)
    assert worker.ask("POST", "/claim").status_code == 200
    User.objects.filter(pk=admin.pk).update(is_superuser=False)
    assert worker.ask("POST", "/claim").status_code == 403


def test_a_worker_claims_as_others_do_and_has_the_terms_of_its_lease(worker: HttpsWorker) -> None:
    worker.register()
    assert [row.name for row in workers.online()] == [worker.known_as]
    answer = worker.ask("POST", "/claim").json()
    assert answer["lease_seconds"] == settings.LEASE_SECONDS
    (first, *_) = answer["runs"]
    run = Run.objects.get(pk=first["id"])
    assert (run.status, run.worker, run.attempt) == (Status.RUNNING, worker.known_as, 1)
    assert (first["key"], first["last_seq"], first["spec"]) == (run.key, run.last_seq, run.spec)


def test_a_drained_worker_and_a_paused_queue_give_nothing(worker: HttpsWorker, owner: User) -> None:
    worker.register()
    Worker.objects.update(draining=True)
    assert worker.ask("POST", "/claim").json()["runs"] == []
    Worker.objects.update(draining=False)
    queue.pause(owner, "maintenance")
    assert worker.ask("POST", "/claim").json()["runs"] == []


def test_a_claim_of_which_the_answer_was_lost_is_given_back_by_the_next_one(worker: HttpsWorker) -> None:
    first, again = worker.claim(), worker.claim()
    assert (again["id"], again["attempt"]) == (first["id"], 2)
    assert Run.objects.get(pk=first["id"]).losses == 0


def test_events_are_stored_and_the_next_ones_follow_the_number_that_the_answer_has(worker: HttpsWorker) -> None:
    run = worker.claim()
    answer = worker.append(run, [STARTED, metric(10)])
    last = answer.json()["last_seq"][str(run["id"])]
    assert worker.append(run, [metric(20)], after=last).status_code == 200
    events = queries.events_after(run["id"], 0, 100)
    assert [event["kind"] for event in events[-3:]] == ["started", "metric", "metric"]
    assert [event["seq"] for event in events] == list(range(1, len(events) + 1))


def test_events_that_are_sent_again_after_a_lost_answer_are_stored_once(worker: HttpsWorker) -> None:
    run = worker.claim()
    assert worker.append(run, [STARTED, metric(10)]).status_code == 200
    answer = worker.append(run, [STARTED, metric(10)])
    assert answer.status_code == 412, answer.content
    count = worker.ask("GET", f"/runs/{run['id']}/recorded?attempt=1").json()
    assert count == {"recorded": 2, "last_seq": Run.objects.get(pk=run["id"]).last_seq}
    assert [event["kind"] for event in queries.events_after(run["id"], 0, 100)].count("metric") == 1


def test_a_stop_request_between_two_batches_does_not_hold_up_the_second(worker: HttpsWorker, owner: User) -> None:
    from webapp.experiments import run_stop

    run = worker.claim()
    last = worker.append(run, [STARTED]).json()["last_seq"][str(run["id"])]
    run_stop.stop_run(Run.objects.get(pk=run["id"]), "ada")
    attempts = {"attempts": {str(run["id"]): run["attempt"]}}
    assert worker.ask("POST", "/renew", attempts).json()["statuses"] == {str(run["id"]): Status.STOPPING}
    assert worker.append(run, [metric(10)], after=last).status_code == 200


def test_a_stale_attempt_is_refused(worker: HttpsWorker) -> None:
    run = worker.claim()
    Run.objects.filter(pk=run["id"]).update(attempt=7)
    attempts = {"attempts": {str(run["id"]): run["attempt"]}}
    answers = [
        worker.append(run, [STARTED]),
        *(worker.ask("POST", path, attempts) for path in ("/renew", "/statuses")),
    ]
    assert [answer.status_code for answer in answers] == [409, 409, 409]
    worker.ask("POST", f"/runs/{run['id']}/lose", {"attempt": run["attempt"], "cause": "it was killed"})
    assert Run.objects.get(pk=run["id"]).status == Status.RUNNING


def test_another_workers_run_is_out_of_reach_also_for_the_same_name_with_another_token(worker: HttpsWorker) -> None:
    other, run = HttpsWorker(), worker.claim()
    attempts = {"attempts": {str(run["id"]): run["attempt"]}}
    answers = [
        other.append(run, [STARTED]),
        other.ask("POST", "/renew", attempts),
        other.ask("POST", f"/runs/{run['id']}/give-back", {"attempt": run["attempt"]}),
        other.ask("POST", f"/runs/{run['id']}/lose", {"attempt": run["attempt"]}),
        other.ask("GET", f"/runs/{run['id']}/recorded?attempt=1"),
    ]
    assert [answer.status_code for answer in answers] == [409] * 5
    assert Run.objects.get(pk=run["id"]).status == Status.RUNNING
    claimed = claims.claim_next("worker@test")
    assert claimed
    assert worker.append({"id": claimed.pk, "attempt": 1, "last_seq": 0}, [STARTED]).status_code == 409


@pytest.mark.parametrize(
    "event",
    [
        {"kind": "claimed", "worker": "another"},
        {"kind": "queued"},
        {"kind": "stop", "by": "ada"},
        {"kind": "metric", "step": "many"},
        metric(-5),
        metric(2**63),
        STARTED | {"total_steps": -3},
        {"kind": "progress", "phase": "features", "done": -1, "total": 1},
        {"kind": "finished", "seconds": -1.0, "selected_step": 1, "last_step": 1, "hindsight_step": 1},
        {"kind": "finished", "seconds": 1e308, "selected_step": 1, "last_step": 1, "hindsight_step": 1},
        {"kind": "unknown"},
    ],
)
def test_events_of_the_laboratory_itself_and_malformed_ones_are_refused(worker: HttpsWorker, event: dict[str, Any]) -> None:
    run = worker.claim()
    assert worker.append(run, [event]).status_code == 422
    assert Run.objects.get(pk=run["id"]).last_seq == run["last_seq"]


def test_a_run_is_given_back_and_lost_as_by_other_workers(worker: HttpsWorker) -> None:
    run = worker.claim()
    worker.ask("POST", f"/runs/{run['id']}/give-back", {"attempt": 1, "cause": "it ends"})
    assert Run.objects.get(pk=run["id"]).status == Status.QUEUED
    again = worker.claim()
    worker.ask("POST", f"/runs/{again['id']}/lose", {"attempt": again["attempt"], "cause": "its trainer was killed"})
    row = Run.objects.get(pk=run["id"])
    assert (row.status, row.losses) == (Status.QUEUED, 1)


@pytest.mark.parametrize("name", ["gpu0", "gpu0@", "a/b@node", "gpu0@node (HTTPS, token 1)", "@node", "x" * 64 + "@node"])
def test_a_name_that_could_be_taken_for_another_worker_is_refused(worker: HttpsWorker, name: str) -> None:
    answer = worker.client.post(f"/api/v1/work/{name}/claim")
    assert answer.status_code in (404, 422)


def test_the_rate_of_the_api_does_not_hold_up_a_worker(worker: HttpsWorker, monkeypatch: pytest.MonkeyPatch) -> None:
    from webapp.api.urls import rate

    monkeypatch.setattr(rate, "num_requests", 1)
    assert {worker.ask("POST", "/presence", {"devices": []}).status_code for _ in range(5)} == {200}
