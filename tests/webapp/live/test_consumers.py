"""The law: what a page received, whenever it connected, equals a fresh read of the runs' events."""

import asyncio
import random
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth.models import AnonymousUser, User

from tests.factories import claims
from tests.factories.experiments import ending, launched
from tests.factories.watching_pages import Received, WatchingPage
from training.events import MetricLogged
from webapp.experiments import queries
from webapp.experiments.models import Experiment, Run
from webapp.live.hub import hub
from webapp.live.notify import notify_viewers
from webapp.live.socket_permissions import NOT_FOUND

pytestmark = pytest.mark.django_db(transaction=True)


def train(run_id: int, steps: int, seed: int) -> None:
    """Store ``steps`` metrics in batches of random size, then the end."""
    rng = random.Random(seed)
    run = claims.claim(run_id, "w")
    assert run
    step = 0
    while step < steps:
        size = rng.randint(1, 7)
        claims.append_events(run_id, run.attempt, [MetricLogged(step=step + i, loss=0.5, lr=1) for i in range(size)])
        notify_viewers([run_id])
        step += size
    notify_viewers(claims.append_events(run_id, run.attempt, [ending()]))


@sync_to_async
def weak_run(experiment: Experiment) -> Run:
    part = experiment.parts.filter(role="weak").first()
    assert part
    return part.run


@sync_to_async
def all_events(run: Run) -> list[dict[str, Any]]:
    return queries.events_after(run.pk, 0, limit=100_000)


async def test_a_page_that_connects_at_a_random_moment_ends_with_exactly_the_runs_events(owner: User, broker: str) -> None:
    for trial in range(10):
        experiment = await sync_to_async(launched)(owner, data={"split_seed": trial})
        run = await weak_run(experiment)
        training = asyncio.create_task(sync_to_async(train)(run.pk, 80, trial))
        await asyncio.sleep(random.Random(trial).uniform(0, 0.1))  # the random moment
        async with WatchingPage(experiment, owner) as page:
            await training
            truth = await all_events(run)
            await page.until(run.pk, truth[-1]["seq"])
        assert page.received[run.pk] == truth


async def test_a_page_that_was_cut_off_goes_on_where_it_was(owner: User, broker: str) -> None:
    experiment = await sync_to_async(launched)(owner)
    run = await weak_run(experiment)
    claimed = await sync_to_async(claims.claim)(run.pk, "w")
    assert claimed
    received: Received = {}
    for step in range(4):
        news = [MetricLogged(step=10 * step + i, loss=0.5, lr=1) for i in range(10)]
        await sync_to_async(claims.append_events)(run.pk, claimed.attempt, news)
        async with WatchingPage(experiment, owner, received) as page:
            await page.until(run.pk, 2 + 10 * (step + 1))
    assert received[run.pk] == await all_events(run)


async def test_a_viewer_who_goes_while_events_are_sent_to_him_is_no_error(
    owner: User, broker: str, caplog: pytest.LogCaptureFixture
) -> None:
    """A server raises a subclass of OSError from a send after the client has gone (ASGI 2.4)."""
    experiment = await sync_to_async(launched)(owner)
    page, gone = WatchingPage(experiment, owner), asyncio.Event()
    application = page.socket.application

    async def losing(scope: Any, receive: Any, send: Any) -> None:
        async def send_or_lose(message: dict[str, Any]) -> None:
            if message["type"] == "websocket.send":
                gone.set()
                raise ConnectionResetError
            await send(message)

        await application(scope, receive, send_or_lose)

    page.socket.application = losing
    async with page:
        await asyncio.wait_for(gone.wait(), timeout=10)
    assert caplog.records == []


async def test_without_notifications_the_page_still_gets_every_event(
    owner: User, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.REDIS_URL = "unix:///nowhere/redis.sock"
    monkeypatch.setattr("webapp.live.hub.LOOK_SECONDS", 0.1)
    experiment = await sync_to_async(launched)(owner)
    run = await weak_run(experiment)
    async with WatchingPage(experiment, owner) as page:
        await page.until(run.pk, 1)
        claimed = await sync_to_async(claims.claim)(run.pk, "w")
        assert claimed
        await sync_to_async(claims.append_events)(run.pk, 1, [MetricLogged(step=1, loss=0.5, lr=1)])
        await page.until(run.pk, 3)
    assert page.received[run.pk] == await all_events(run)


async def test_a_notification_without_events_reaches_the_page_so_that_it_can_read_the_result(owner: User, broker: str) -> None:
    experiment = await sync_to_async(launched)(owner)
    run = await weak_run(experiment)
    async with WatchingPage(experiment, owner) as page:
        await page.until(run.pk, 1)
        while True:  # until the subscription stands, a notification may be lost
            notify_viewers([run.pk])
            if not await page.socket.receive_nothing(timeout=0.3):
                break
        assert await page.frame() == {}


async def test_a_page_that_sleeps_is_told_of_ends_alone_and_catches_up_when_it_wakes(
    owner: User, broker: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("webapp.live.hub.LOOK_SECONDS", 600)  # a look before a notification would leave that without news
    experiment = await sync_to_async(launched)(owner)
    run = await weak_run(experiment)
    async with WatchingPage(experiment, owner) as page:
        await page.until(run.pk, 1)
        await page.say({"asleep": True})
        assert await page.message() == {"runs": {}, "pong": True}
        claimed = await sync_to_async(claims.claim)(run.pk, "w")
        assert claimed
        for step in range(3):
            rows = [MetricLogged(step=step, loss=0.5, lr=1)]
            await sync_to_async(claims.append_events)(run.pk, claimed.attempt, rows)
            hub().wake([run.pk], notified=True)
            assert await page.socket.receive_nothing(timeout=0.4)
        await sync_to_async(claims.append_events)(run.pk, claimed.attempt, [ending()])
        hub().wake([run.pk], notified=True)
        assert await page.message() == {"runs": {}, "ended": True}
        await page.say({"asleep": False})
        truth = await all_events(run)
        await page.until(run.pk, truth[-1]["seq"])
    assert page.received[run.pk] == truth


async def test_strangers_are_sent_away(owner: User) -> None:
    experiment = await sync_to_async(launched)(owner)
    page = WatchingPage(experiment, AnonymousUser())
    await page.connect()
    assert await page.socket.receive_output(timeout=10) == {"type": "websocket.close", "code": NOT_FOUND}


async def test_feeds_close_when_the_last_viewer_leaves(owner: User) -> None:
    experiment = await sync_to_async(launched)(owner)
    run = await weak_run(experiment)
    async with WatchingPage(experiment, owner) as page:
        await page.until(run.pk, 1)
        assert run.pk in hub().feeds
    assert hub().feeds == {}


async def test_a_message_that_is_no_json_object_breaks_nothing(owner: User) -> None:
    experiment = await sync_to_async(launched)(owner)
    run = await weak_run(experiment)
    page = WatchingPage(experiment, owner)
    await page.connect()
    await page.say([1, 2])
    await page.until(run.pk, 1)
    await page.disconnect()
