"""Actions on the queue, its runs and its workers."""

from django.contrib.auth.models import User

from tests.factories.experiments import launched
from tests.webapp.actions.conftest import Logged
from webapp.actions import queue, runs, workers
from webapp.audit.models import Entry
from webapp.experiments.models import Priority, Run, Status, Worker
from webapp.experiments.queue import pause_now, queued_run_ids

TRAIN = "webapp.jobs.tasks.train"


def test_a_queue_that_is_resumed_calls_a_worker_for_each_queued_run(owner: User, called: list[str], logged: Logged) -> None:
    launched(owner)
    queue.pause(owner, "maintenance")
    assert pause_now()
    queue.resume(owner)
    assert not pause_now()
    assert called == [TRAIN] * len(queued_run_ids())
    queue.resume(owner)
    assert [(verb, about) for _, verb, about, _ in logged()] == [("paused", "queue"), ("resumed", "queue")]


def test_a_change_of_the_order_is_logged_and_a_priority_only_where_it_changes(owner: User, logged: Logged) -> None:
    experiment = launched(owner)
    queue.prioritize(experiment, Priority.HIGH, owner)
    queue.prioritize(experiment, Priority.HIGH, owner)
    queue.move(experiment, "first", owner)
    assert [entry.details for entry in Entry.objects.order_by("pk")] == [
        {"priority": "High", "before": "Normal"},
        {"to": "first"},
    ]


def test_a_worker_is_drained_once_and_called_when_draining_ends(owner: User, called: list[str], logged: Logged) -> None:
    launched(owner)
    worker = Worker.objects.create(name="worker0@gpu", engine=1)
    for draining in (True, True, False):
        workers.drain(worker, owner, draining=draining)
    assert [(verb, title) for _, verb, _, title in logged()] == [("drained", "worker0@gpu"), ("undrained", "worker0@gpu")]
    assert called == [TRAIN] * len(queued_run_ids())


def test_a_run_is_stopped_with_the_runs_that_need_it(owner: User, called: list[str], logged: Logged) -> None:
    launched(owner)
    run = Run.objects.filter(status=Status.QUEUED, needed_by__isnull=False).distinct().order_by("pk")[0]
    runs.stop(run, owner)
    run.refresh_from_db()
    assert run.status == Status.STOPPED
    assert logged() == [("ada", "stopped", "run", "A test")]
    assert Entry.objects.get().details["runs"] == Run.objects.filter(status=Status.STOPPED).count() > 1
