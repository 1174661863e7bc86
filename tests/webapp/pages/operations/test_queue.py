"""The page of the queue shows runs in training, the order of the others and the reasons for waiting, and moves experiments."""

import re
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from tests.factories import claims
from tests.factories.experiments import launched, training_events
from tests.factories.workers import a_worker
from webapp.audit.models import Entry
from webapp.experiments import queue, workers
from webapp.experiments.models import Experiment, Pause
from webapp.pages.operations import queue as queue_page

pytestmark = pytest.mark.usefixtures("called")


def client_of(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def said(client: Client) -> str:
    return re.sub(r"\s+", " ", client.get("/queue/").content.decode())


def test_it_says_what_trains_and_what_comes_next_with_how_many_before_it(owner: User) -> None:
    first, second = launched(owner, name="The first"), launched(owner, name="The second", data={"split_seed": 1})
    run = claims.claim_next("worker0@lab")
    assert run is not None
    page = said(client_of(owner))
    assert "1 run in training, 3 in the queue" in page
    assert "worker0@lab" in page
    assert page.index("The first") < page.index("The second")
    rows = re.findall(r'<tr id="queued-(\d+)"[^>]*>(.*?)</tr>', page)
    assert [int(pk) for pk, _ in rows] == [first.pk, second.pk]
    assert "next; 2 more runs wait for labels" in rows[0][1]
    assert "1 run before it" in rows[1][1]


def test_an_owner_moves_and_prioritizes_and_others_cannot(owner: User) -> None:
    first, second = launched(owner), launched(owner, data={"split_seed": 1})
    client, stranger = client_of(owner), client_of(User.objects.create_user("grace"))
    client.post(f"/queue/{second.pk}/move/", {"to": "first"})
    assert queue.places()[0].experiment == second.pk
    client.post(f"/queue/{first.pk}/move/", {"priority": "1"})
    assert queue.places()[0].experiment == first.pk
    assert stranger.post(f"/queue/{second.pk}/move/", {"to": "first"}).status_code == 403
    assert "Priority of experiment" not in said(stranger)
    assert client.post(f"/queue/{second.pk}/move/", {"to": "nowhere"}).status_code == 404
    assert client.post(f"/queue/{second.pk}/move/", {"priority": "7"}).status_code == 404
    moves = [entry.details for entry in Entry.objects.filter(verb="moved").order_by("pk")]
    assert moves == [{"to": "first"}, {"priority": "High", "before": "Normal"}]


def test_an_administrator_pauses_with_a_reason_and_workers_are_called_when_it_is_resumed(owner: User, called: list[str]) -> None:
    experiment = launched(owner)
    admin = client_of(User.objects.create_superuser("root"))
    admin.post("/queue/pause/", {"do": "pause", "why": "new <drivers>"})
    for page in (said(client_of(owner)), client_of(owner).get(f"/experiments/{experiment.pk}/").content.decode()):
        assert "The queue is paused</b> by root" in page
        assert "new &lt;drivers&gt;" in page
    assert claims.claim_next("w") is None
    called.clear()
    admin.post("/queue/pause/", {"do": "resume"})
    assert len(called) == len(queue.places()) > 0
    assert "is paused" not in said(client_of(owner))
    assert [entry.verb for entry in Entry.objects.filter(about="queue").order_by("pk")] == ["paused", "resumed"]
    assert client_of(owner).post("/queue/pause/", {"do": "pause"}).status_code == 403
    assert not Pause.objects.exists()


def test_an_empty_queue_says_so(owner: User) -> None:
    page = said(client_of(owner))
    assert "No run is training." in page
    assert "No run is waiting." in page


def test_the_api_says_and_does_the_same(owner: User) -> None:
    from webapp.accounts.tokens import make_token

    first, second = launched(owner), launched(owner, data={"split_seed": 1})

    def api(user: User, method: str, path: str, body: Any = None) -> Any:
        client = Client(headers={"authorization": f"Bearer {make_token(user)}"})
        return client.generic(method, f"/api/v1{path}", body or "", content_type="application/json")

    rows = api(owner, "GET", "/queue").json()["runs"]
    assert [row["run"] for row in rows] == queue.queued_run_ids()
    assert {row["owner"] for row in rows} == {owner.username}
    moved = api(owner, "POST", f"/experiments/{second.pk}/move", '{"to": "first", "priority": "high"}').json()["runs"]
    assert (moved[0]["experiment"], moved[0]["priority"]) == (second.pk, "high")
    root = User.objects.create_superuser("root")
    assert api(owner, "POST", "/queue/pause", "{}").status_code == 403
    assert api(root, "POST", "/queue/pause", '{"why": "drivers"}').json()["paused"]["why"] == "drivers"
    assert api(root, "POST", "/queue/resume").json()["paused"] is None
    assert Experiment.objects.get(pk=first.pk).priority == 0


def test_a_row_is_dropped_before_another_one_of_the_same_person(owner: User) -> None:
    own = [launched(owner, data={"split_seed": seed}) for seed in range(3)]
    foreign = launched(User.objects.create_user("grace"), data={"split_seed": 9})
    client = client_of(owner)

    def order() -> list[int]:
        return list(dict.fromkeys(place.experiment for place in queue.places() if place.owner == owner.pk))

    client.post(f"/queue/{own[2].pk}/move/", {"before": own[1].pk})
    assert order() == [own[0].pk, own[2].pk, own[1].pk]
    client.post(f"/queue/{own[0].pk}/move/", {"before": own[1].pk})
    assert order() == [own[2].pk, own[0].pk, own[1].pk]
    for nowhere in (foreign.pk, own[0].pk, 999):
        client.post(f"/queue/{own[0].pk}/move/", {"before": nowhere})
        assert order() == [own[2].pk, own[0].pk, own[1].pk]
    assert 'draggable="true"' in said(client)
    assert Entry.objects.filter(verb="moved").order_by("pk")[0].details == {"before": own[1].pk}


def test_it_says_so_where_no_worker_is_online_that_may_take_runs(owner: User) -> None:
    launched(owner)
    assert "No worker" not in said(client_of(owner)), "as long as none has told of itself nothing is known"
    worker = a_worker()
    assert not re.search("No worker|drained", said(client_of(owner)))
    workers.drain(worker, draining=True)
    assert "Every worker is being drained and takes nothing more." in said(client_of(owner))
    workers.leave(worker.name)
    assert "No worker is online." in said(client_of(owner))


def test_the_number_of_queries_is_the_same_for_any_number_of_runs_in_training_and_in_the_queue(owner: User) -> None:
    client = client_of(owner)

    def grow(number: int) -> None:
        for _ in range(number):
            launched(owner, seeds=2, data={"split_seed": Experiment.objects.count()})
            run = claims.claim_next("worker0@lab")
            assert run is not None
            claims.append_events(run.pk, run.attempt, training_events())

    def counted() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert client.get("/queue/").status_code == 200
        return len(captured)

    grow(1)
    client.get("/queue/")  # the first request stores that the account was seen
    few = counted()
    assert few <= 20
    grow(4)
    assert counted() == few
    assert "5 runs in training" in said(client)


def test_a_long_queue_shows_its_first_experiments_and_the_number_of_the_others(
    owner: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queue_page, "SHOWN", 2)
    for number in range(4):
        launched(owner, name=f"Number {number}", data={"split_seed": number})
    page = said(client_of(owner))
    assert [number for number in range(4) if f"Number {number}" in page] == [0, 1]
    assert "2 more experiments after these." in page
    assert f"{len(queue.places())} in the queue" in page
