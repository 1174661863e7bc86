from collections.abc import Iterator
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from redis import Redis

from tests.factories.experiments import finish_all, spec
from webapp import notifications
from webapp.actions.experiments import launch
from webapp.celery import app
from webapp.experiments import run_launch, services


@pytest.fixture
def redis(broker: str) -> Iterator[Redis]:
    with Redis.from_url(broker) as client:
        client.flushall()
        yield client


def waiting(redis: Redis) -> Any:
    return redis.llen(settings.CELERY_TASK_DEFAULT_QUEUE)


def test_a_launch_sends_the_runs_that_can_start(owner: User, redis: Redis) -> None:
    assert launch(services.create(owner, spec()), owner) is True
    assert waiting(redis) == 2


def test_queued_runs_whose_messages_are_lost_are_sent_again_and_others_are_not(owner: User, redis: Redis) -> None:
    launch(services.create(owner, spec()), owner)
    redis.flushall()
    notifications.resend_training()
    assert waiting(redis) == 2
    notifications.resend_training()
    assert waiting(redis) == 2


def test_the_light_worker_is_called_when_an_experiment_comes_to_rest(owner: User, redis: Redis) -> None:
    experiment = services.create(owner, spec())
    run_launch.launch(experiment)
    runs = [run.pk for run in experiment.runs.all()]
    notifications.prepare_examples(runs[:1])
    assert redis.llen(notifications.CHORES.queue) == 0
    finish_all(experiment)
    notifications.prepare_examples(runs[:1])
    assert redis.llen(notifications.CHORES.queue) == 1


def test_without_a_broker_a_call_is_tried_once_and_waits_for_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    pauses: list[float] = []
    monkeypatch.setattr("kombu.utils.functional.sleep", pauses.append)
    with app.connection_for_write("redis+socket:///nowhere/broker.sock") as nowhere:
        monkeypatch.setattr(app, "producer_or_acquire", lambda _: app.amqp.Producer(nowhere))
        assert notifications.call(notifications.TRAINING) is False
    assert pauses == []
