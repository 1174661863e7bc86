"""The socket of a live share: what it sends, to whom, and that it closes with its link."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from asgiref.testing import ApplicationCommunicator
from channels.routing import URLRouter
from django.contrib.auth.models import AnonymousUser, User
from django.utils import timezone

from tests.factories import claims
from tests.factories.experiments import launched, training_events
from tests.factories.shares import CHOICES
from training.events import MetricLogged
from webapp.live import routing as live
from webapp.live import socket_permissions
from webapp.live.consumers import UNREADABLE
from webapp.live.hub import hub
from webapp.live.socket_permissions import NOT_FOUND
from webapp.share_pages import routing
from webapp.shares import links
from webapp.shares.models import Link, Share

pytestmark = pytest.mark.django_db(transaction=True)

CLOSED = {"type": "websocket.close", "code": NOT_FOUND}


@sync_to_async
def shared(owner: User, live: bool = True, **changes: object) -> tuple[Share, Link]:
    """A live share of an experiment whose first run is at work."""
    experiment = launched(owner)
    run = experiment.runs.filter(status="queued").order_by("pk").first()
    assert run
    claims.claim(run.pk, "worker7@secret-host")
    claims.append_events(run.pk, 1, training_events())
    chosen = CHOICES.model_copy(update=changes).model_dump(mode="json")
    share = Share.objects.create(experiment=experiment, owner=owner, live=live, title="Live", choices=chosen)
    return share, links.make_link(share, owner)[0]


@asynccontextmanager
async def opened(path: str, cookie: str = "", user: User | AnonymousUser | None = None) -> AsyncIterator[ApplicationCommunicator]:
    scope: dict[str, Any] = {"type": "websocket", "path": path, "query_string": b"", "headers": [], "subprotocols": []}
    scope |= {"cookies": {"share": cookie}, "user": user or AnonymousUser()}
    socket = ApplicationCommunicator(URLRouter([*live.websocket_urlpatterns, *routing.websocket_urlpatterns]), scope)
    await socket.send_input({"type": "websocket.connect"})
    assert (await socket.receive_output(timeout=10))["type"] == "websocket.accept"
    yield socket
    if not socket.future.done():
        await socket.send_input({"type": "websocket.disconnect", "code": 1000})
        await socket.wait()


async def frame_of(socket: ApplicationCommunicator) -> str:
    await socket.send_input({"type": "websocket.receive", "text": "{}"})
    return str((await socket.receive_output(timeout=10))["text"])


async def test_a_visitor_receives_the_curves_and_nothing_of_who_trains_them(owner: User) -> None:
    share, link = await shared(owner)
    async with opened(f"/shared/{share.slug}/live/", links.cookie_of(link)) as socket:
        frame = await frame_of(socket)
    events = [event for run in json.loads(frame)["runs"].values() for event in run]
    assert [event["kind"] for event in events] == ["started", "metric", "metric", "evaluation", "evaluation"]
    assert [event["accuracy"] for event in events if event["kind"] == "evaluation"] == [0.7, 0.7]
    for secret in ("worker7", "secret-host", "cpu", "device", "versions", "ada"):
        assert secret not in frame


async def test_a_visitor_receives_which_value_of_a_run_that_diverged_was_not_finite(owner: User) -> None:
    share, link = await shared(owner)
    run = await share.experiment.runs.aget(status="running")  # type: ignore[union-attr]
    last = MetricLogged(step=30, loss=None, nonfinite="inf", lr=1e37)
    await sync_to_async(claims.append_events)(run.pk, 1, [last])
    async with opened(f"/shared/{share.slug}/live/", links.cookie_of(link)) as socket:
        events = json.loads(await frame_of(socket))["runs"][str(run.pk)]
    assert [(event["step"], event["loss"], event["nonfinite"]) for event in events[-1:]] == [(30, None, "inf")]


async def test_an_account_watches_by_the_permalink(owner: User) -> None:
    share, _ = await shared(owner)
    async with opened(f"/shares/{share.slug}/live/", user=owner) as socket:
        assert "metric" in await frame_of(socket)


async def test_nobody_else_receives_anything(owner: User) -> None:
    share, link = await shared(owner)
    frozen, other = await shared(owner, live=False)
    cookie = links.cookie_of(link)
    attempts: list[tuple[str, str, User | None]] = [
        (f"/shared/{share.slug}/live/", "", None),
        (f"/shared/{share.slug}/live/", "forged", None),
        (f"/shared/{share.slug}/live/", links.cookie_of(other), None),
        (f"/shared/{share.slug}/live/", "", owner),
        (f"/shared/{frozen.slug}/live/", cookie, None),
        (f"/shared/{frozen.slug}/live/", links.cookie_of(other), None),
        (f"/shares/{share.slug}/live/", cookie, None),
        (f"/ws/experiments/{share.experiment_id}/", cookie, None),
    ]
    for path, sent, user in attempts:
        async with opened(path, sent, user) as socket:
            assert await socket.receive_output(timeout=10) == CLOSED, (path, sent, user)


async def test_curves_that_the_author_left_out_are_not_sent_either(owner: User) -> None:
    share, link = await shared(owner, curves=False)
    for path, cookie, user in (
        (f"/shared/{share.slug}/live/", links.cookie_of(link), None),
        (f"/shares/{share.slug}/live/", "", owner),
    ):
        async with opened(path, cookie, user) as socket:
            assert await socket.receive_output(timeout=10) == CLOSED


async def test_open_sockets_close_within_five_seconds_of_their_links(owner: User) -> None:
    share, revoked = await shared(owner)
    expired, _ = await sync_to_async(links.make_link)(share, owner)
    other, of_deleted = await shared(owner)
    async with (
        opened(f"/shared/{share.slug}/live/", links.cookie_of(revoked)) as first,
        opened(f"/shared/{share.slug}/live/", links.cookie_of(expired)) as second,
        opened(f"/shared/{other.slug}/live/", links.cookie_of(of_deleted)) as third,
    ):
        sockets = (first, second, third)
        for socket in sockets:
            await frame_of(socket)
        await sync_to_async(links.revoke)(revoked, owner)
        await Link.objects.filter(pk=expired.pk).aupdate(expires_at=timezone.now() - timedelta(seconds=1))
        await other.adelete()
        async with asyncio.timeout(5):
            assert [await until_closed(socket) for socket in sockets] == [CLOSED] * 3


async def until_closed(socket: ApplicationCommunicator) -> Any:
    while (output := await socket.receive_output(timeout=10))["type"] != "websocket.close":
        pass
    return output


async def test_a_socket_that_has_said_nothing_yet_closes_too(owner: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket_permissions, "LOOK_SECONDS", 0.1)
    share, link = await shared(owner)
    async with opened(f"/shared/{share.slug}/live/", links.cookie_of(link)) as socket:
        await sync_to_async(links.revoke)(link, owner)
        assert await until_closed(socket) == CLOSED


async def test_an_account_that_is_closed_is_sent_away(owner: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket_permissions, "LOOK_SECONDS", 0.1)
    share, _ = await shared(owner)
    async with opened(f"/shares/{share.slug}/live/", user=owner) as socket:
        await frame_of(socket)
        await User.objects.aupdate(is_active=False)
        assert await until_closed(socket) == CLOSED


async def test_an_account_that_is_closed_is_sent_away_from_the_experiment_too(
    owner: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(socket_permissions, "LOOK_SECONDS", 0.1)
    share, _ = await shared(owner)
    async with opened(f"/ws/experiments/{share.experiment_id}/", user=owner) as socket:
        await frame_of(socket)
        await User.objects.aupdate(is_active=False)
        assert await until_closed(socket) == CLOSED


FROZEN_PAGES = ("/shared/{slug}/access/", "/shares/{slug}/access/", "/e/{token}/access/")
OPEN = '{"open":true}'


@sync_to_async
def frozen_with_link(owner: User, **options: object) -> tuple[Share, Link, str]:
    share = Share.objects.create(owner=owner, title="Frozen", choices=CHOICES.model_dump(mode="json"))
    return share, *links.make_link(share, owner, **options)  # type: ignore[arg-type]


async def test_the_socket_of_a_frozen_page_says_that_it_is_open_and_answers(owner: User) -> None:
    share, link, token = await frozen_with_link(owner)
    for path in FROZEN_PAGES:
        async with opened(path.format(slug=share.slug, token=token), links.cookie_of(link), owner) as socket:
            assert (await socket.receive_output(timeout=10))["text"].replace(" ", "") == OPEN
            assert (await frame_of(socket)).replace(" ", "") == OPEN


async def test_the_socket_of_a_frozen_page_is_refused_without_a_right(owner: User) -> None:
    share, _, _ = await frozen_with_link(owner)
    _, other, _ = await frozen_with_link(owner)
    _, _, with_password = await frozen_with_link(owner, password="a long password")
    live, _ = await shared(owner)
    await sync_to_async(live.experiment.delete)()  # type: ignore[union-attr]
    attempts: list[tuple[str, str, User | None]] = [
        (f"/shared/{share.slug}/access/", "", None),
        (f"/shared/{share.slug}/access/", links.cookie_of(other), owner),
        (f"/shares/{share.slug}/access/", links.cookie_of(other), None),
        (f"/shares/{live.slug}/access/", "", owner),
        ("/e/wrong/access/", "", owner),
        (f"/e/{with_password}/access/", "", owner),
    ]
    for path, cookie, user in attempts:
        async with opened(path, cookie, user) as socket:
            assert await socket.receive_output(timeout=10) == CLOSED, (path, cookie)


@pytest.mark.parametrize("path", FROZEN_PAGES)
async def test_the_socket_of_a_frozen_page_closes_within_five_seconds(owner: User, path: str) -> None:
    share, link, token = await frozen_with_link(owner)
    async with opened(path.format(slug=share.slug, token=token), links.cookie_of(link), owner) as socket:
        if path.startswith("/shares/"):
            await User.objects.aupdate(is_active=False)
        else:
            await Link.objects.aupdate(expires_at=timezone.now() - timedelta(seconds=1))
        async with asyncio.timeout(5):
            assert await until_closed(socket) == CLOSED


UNREADABLE_MESSAGES = [{"text": "{"}, {"text": ""}, {"text": "[" * 100_000}, {"text": "9" * 5000}, {"bytes": b"\x00"}]


@pytest.mark.parametrize("message", UNREADABLE_MESSAGES)
async def test_nothing_goes_on_of_a_socket_that_was_sent_what_cannot_be_read(owner: User, message: dict[str, Any]) -> None:
    share, link = await shared(owner)
    before = asyncio.all_tasks()
    for greets in (False, True):
        async with opened(f"/shared/{share.slug}/live/", links.cookie_of(link)) as socket:
            if greets:
                await frame_of(socket)
            await socket.send_input({"type": "websocket.receive", **message})
            assert await until_closed(socket) == {"type": "websocket.close", "code": UNREADABLE}
    async with asyncio.timeout(5):
        while asyncio.all_tasks() != before:
            await asyncio.sleep(0)
    assert hub().feeds == {}


@pytest.mark.parametrize("have", ["x", [1], {"1": "x"}, {"1": 10**40}, {"1": -1}, {"1": 1e400}, {"1": None}, {"1": True}])
async def test_what_a_page_cannot_have_counts_as_nothing(owner: User, have: object) -> None:
    share, link = await shared(owner)
    if isinstance(have, dict):
        have = {str(pk): have["1"] async for pk in share.experiment.runs.values_list("pk", flat=True)}  # type: ignore[union-attr]
    async with opened(f"/shared/{share.slug}/live/", links.cookie_of(link)) as socket:
        await socket.send_input({"type": "websocket.receive", "text": json.dumps({"have": have})})
        assert "metric" in (await socket.receive_output(timeout=10))["text"]
