"""Passes that move events, and readers, work at the same time in several threads with connections of their own."""

import threading

import pytest
from django.contrib.auth.models import User
from django.db import connection

from tests.factories.compacted import compact_all, every_event, trained
from webapp.experiments import compaction
from webapp.experiments.models import Experiment, Run, Status


@pytest.fixture
def experiment(owner: User) -> Experiment:
    return trained(owner)


@pytest.mark.django_db(transaction=True)
def test_two_passes_at_the_same_time_lose_and_double_nothing(experiment: Experiment) -> None:
    before = {pk: every_event(pk) for pk in Run.objects.values_list("pk", flat=True)}
    moved, barrier = list[int](), threading.Barrier(2)

    def move() -> None:
        barrier.wait()
        moved.extend(compaction.compact(pk) for pk in before)
        connection.close()

    threads = [threading.Thread(target=move) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(moved) == 3 * 49
    assert {pk: every_event(pk) for pk in before} == before


@pytest.mark.django_db(transaction=True)
def test_readers_during_a_move_see_every_event_once(experiment: Experiment) -> None:
    run = experiment.runs.order_by("pk")[0]
    before, ended, wrong = every_event(run.pk), threading.Event(), list[int]()

    def read() -> None:
        while not ended.is_set():
            if every_event(run.pk) != before:
                wrong.append(1)
        connection.close()

    thread = threading.Thread(target=read)
    thread.start()
    compact_all(experiment)
    ended.set()
    thread.join()
    assert not wrong
    assert Run.objects.get(pk=run.pk).status == Status.FINISHED
