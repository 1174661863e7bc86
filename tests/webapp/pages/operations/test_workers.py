"""The page of the workers shows their devices and runs, and administrators drain them there."""

import re

import pytest
from django.contrib.auth.models import User
from django.test import Client

from tests.factories import claims
from tests.factories.experiments import launched
from tests.factories.workers import a_worker, gpu, silence
from webapp.audit.models import Entry
from webapp.experiments.models import Run, Worker
from webapp.pages.experiments.forecast import forecast

pytestmark = pytest.mark.usefixtures("called")


def said(user: User) -> str:
    client = Client()
    client.force_login(user)
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", client.get("/workers/").content.decode()))


def test_it_says_of_each_worker_what_it_trains_on_what(owner: User) -> None:
    launched(owner)
    a_worker(devices=[{**gpu(24), "used": 6 * 2**30, "busy": 0.97}], packages={"torch": "2.13.0", "peft": "1"})
    run = claims.claim_next("worker0@gpu")
    assert run is not None
    silence(a_worker("worker1@gpu"), 5)
    page = said(owner)
    assert "1 worker online, 1 at work." in page
    assert f"run {run.pk} starting" in page
    assert "97% 6.0 of 24.0 GiB" in page
    assert "engine 1, torch 2.13.0" in page
    assert re.search(r"worker1@gpu offline", page)
    assert "Drain" not in page, "that is for administrators"


def test_administrators_drain_a_worker_and_let_it_work_again(owner: User, called: list[str]) -> None:
    launched(owner)
    worker, root = a_worker(), User.objects.create_superuser("root")
    client = Client()
    client.force_login(root)
    client.post(f"/workers/{worker.pk}/drain/", {"do": "drain"})
    assert "drained" in said(owner)
    assert claims.claim_next(worker.name) is None
    called.clear()
    client.post(f"/workers/{worker.pk}/drain/", {"do": "undrain"})
    assert len(called) == 2, "it is called for what is queued"
    assert claims.claim_next(worker.name) is not None
    assert [(entry.verb, entry.title) for entry in Entry.objects.order_by("pk")[:9] if entry.about == "worker"] == [
        ("drained", "worker0@gpu"),
        ("undrained", "worker0@gpu"),
    ]


def test_the_page_of_a_run_says_why_no_worker_takes_it(owner: User) -> None:
    experiment = launched(owner)
    run = Run.objects.get(pk=experiment.parts.filter(role="weak")[0].run_id)
    assert forecast(run) == "It is next in the queue. A worker that is free starts it."
    worker = a_worker(engine=7)
    assert forecast(run).startswith(
        "It needs a worker with version 1 of the engine, and none is online. Until that changes it waits."
    )
    Worker.objects.filter(pk=worker.pk).update(seen_at=None)
    assert forecast(run).startswith("No worker is online. Until that changes it waits. It is next in the queue.")
