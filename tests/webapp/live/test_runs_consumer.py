"""The socket of several runs streams exactly those that its address names, to accounts that may see each of them."""

import asyncio
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth.models import AnonymousUser, User
from django.utils import timezone

from tests.factories import claims
from tests.factories.compacted import compact_all, trained
from tests.factories.experiments import launched
from tests.factories.watching_pages import WatchingPage
from training.events import MetricLogged
from webapp.experiments import lifecycle, queries
from webapp.experiments.models import Experiment
from webapp.live import socket_permissions
from webapp.live.notify import notify_viewers
from webapp.live.runs_consumer import MOST_RUNS, runs_of
from webapp.live.socket_permissions import NOT_FOUND

pytestmark = pytest.mark.django_db(transaction=True)


@sync_to_async
def supervisors(owner: User) -> list[int]:
    """The supervisors of three experiments, none of which has started."""
    return [launched(owner, data={"split_seed": seed}).parts.filter(role="weak")[0].run_id for seed in range(3)]


@sync_to_async
def train(run_id: int, steps: int) -> None:
    run = claims.claim(run_id, "w")
    assert run
    for step in range(steps):
        notify_viewers(claims.append_events(run_id, run.attempt, [MetricLogged(step=step, loss=0.5, lr=1)]))


async def test_a_page_receives_the_events_of_its_runs_of_several_experiments_and_of_no_other(owner: User, broker: str) -> None:
    first, second, other = await supervisors(owner)
    await train(first, 5)
    async with WatchingPage(None, owner, query=f"runs={first},{second}") as page:
        training = asyncio.create_task(train(second, 30))
        await train(other, 3)
        await training
        for run in (first, second):
            truth = await sync_to_async(queries.events_after)(run, 0)
            await page.until(run, truth[-1]["seq"])
            assert page.received[run] == truth
    assert set(page.received) == {first, second}


async def test_a_page_receives_events_that_were_moved_to_files_before_it_connected(owner: User, broker: str) -> None:
    experiment = await sync_to_async(trained)(owner)
    run = await sync_to_async(lambda: experiment.runs.order_by("pk")[0].pk)()
    truth = await sync_to_async(queries.events_after)(run, 0)
    await sync_to_async(compact_all)(experiment)
    async with WatchingPage(None, owner, query=f"runs={run}") as page:
        await page.until(run, truth[-1]["seq"])
        assert page.received[run] == truth
    async with WatchingPage(None, owner, {run: truth[:20]}, query=f"runs={run}") as page:
        await page.until(run, truth[-1]["seq"])
        assert page.received[run] == truth


async def refused(user: User | AnonymousUser, query: str) -> bool:
    page = WatchingPage(None, user, query=query)
    await page.connect()
    return bool(await page.socket.receive_output(timeout=10) == {"type": "websocket.close", "code": NOT_FOUND})


async def test_it_is_refused_where_one_of_its_runs_is_unknown_and_to_visitors_without_an_account(owner: User) -> None:
    first, second, _ = await supervisors(owner)
    assert await refused(owner, f"runs={first},{second},999999")
    assert await refused(owner, f"runs={first},x")
    assert await refused(AnonymousUser(), f"runs={first}")


def test_an_address_names_each_run_once_and_no_more_than_a_socket_takes() -> None:
    assert runs_of("runs=8,3,8") == (8, 3)
    assert runs_of("") == ()
    assert runs_of("runs=-1") is None
    many = ",".join(map(str, range(1, MOST_RUNS + 1)))
    assert len(runs_of(f"runs={many}") or ()) == MOST_RUNS
    assert runs_of(f"runs={many},9999") is None


async def test_it_closes_when_the_only_experiment_of_one_of_its_runs_is_deleted(
    owner: User, broker: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(socket_permissions, "LOOK_SECONDS", 0.1)
    first, second, other = await supervisors(owner)
    async with (
        WatchingPage(None, owner, query=f"runs={first},{second}") as page,
        WatchingPage(None, owner, query=f"runs={first},{other}") as unaffected,
    ):
        await page.until(second, 1)
        await sync_to_async(delete_experiment_of)(second)
        while (output := await page.socket.receive_output(timeout=10))["type"] != "websocket.close":
            pass
        assert output["code"] == NOT_FOUND
        await train(other, 1)
        await unaffected.until(other, 2)


def delete_experiment_of(run_id: int) -> Any:
    experiment = Experiment.objects.get(runs=run_id)
    experiment.stopped_at = timezone.now()  # or it cannot be deleted
    experiment.save()
    lifecycle.delete(experiment)
