"""Open sockets close when their access ends: after a notification, by the check without one, or by the clock."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from threading import Event
from typing import Any

import pytest
from asgiref.sync import SyncToAsync, sync_to_async
from asgiref.testing import ApplicationCommunicator
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from tests.factories import claims
from tests.factories.experiments import launched
from tests.factories.shares import CHOICES
from webapp.accounts import people
from webapp.experiments import lifecycle
from webapp.experiments.models import Experiment
from webapp.live import socket_permissions as live
from webapp.live.notify import access_changed
from webapp.live.socket_grants import Account, AccountGrant, open_experiments
from webapp.live.socket_permissions import NOT_FOUND, permissions
from webapp.share_pages.consumers import LinkGrant, open_links, open_permalinks
from webapp.shares import links
from webapp.shares.models import Link, Share
from webapp.websockets import sockets

pytestmark = pytest.mark.django_db(transaction=True)

CLOSED = {"type": "websocket.close", "code": NOT_FOUND}


@asynccontextmanager
async def opened(path: str, cookies: str) -> AsyncIterator[ApplicationCommunicator]:
    """A socket through the whole application, as a browser opens it."""
    headers = [(b"origin", b"http://localhost"), (b"host", b"localhost"), (b"cookie", cookies.encode())]
    scope: dict[str, Any] = {"type": "websocket", "path": path, "query_string": b"", "headers": headers, "subprotocols": []}
    socket = ApplicationCommunicator(sockets(), scope)
    await socket.send_input({"type": "websocket.connect"})
    assert (await socket.receive_output(timeout=10))["type"] == "websocket.accept"
    await socket.send_input({"type": "websocket.receive", "text": "{}"})
    await socket.receive_output(timeout=10)
    yield socket
    if not socket.future.done():
        await socket.send_input({"type": "websocket.disconnect", "code": 1000})
        await socket.wait()


async def until_closed(socket: ApplicationCommunicator) -> Any:
    while (output := await socket.receive_output(timeout=20))["type"] != "websocket.close":
        pass
    return output


def logged_in(user: User) -> tuple[Client, str]:
    client = Client()
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return client, f"sessionid={client.cookies['sessionid'].value}"


def logs_out(client: Client, owner: User) -> None:
    client.post("/logout/")


def changes_the_password(client: Client, owner: User) -> None:
    client.post(
        "/password/", {"old_password": "difference engine", "new_password1": "lovelace-1843", "new_password2": "lovelace-1843"}
    )


def is_deactivated(client: Client, owner: User) -> None:
    people.close(User.objects.create_superuser("root"), owner)


def is_deleted(client: Client, owner: User) -> None:
    Experiment.objects.all().delete()
    owner.delete()


def loses_the_experiment(client: Client, owner: User) -> None:
    Experiment.objects.update(stopped_at=timezone.now())  # or it cannot be deleted
    lifecycle.delete(Experiment.objects.get())


def is_saved_by_the_admin_site(client: Client, owner: User) -> None:
    owner.is_active = False
    owner.save()


WAYS = (
    logs_out,
    changes_the_password,
    is_deactivated,
    is_deleted,
    loses_the_experiment,
    is_saved_by_the_admin_site,
)


@pytest.mark.parametrize("way", WAYS)
async def test_a_notification_closes_the_sockets_of_an_account_without_waiting_for_the_next_check(
    owner: User, broker: str, monkeypatch: pytest.MonkeyPatch, way: Callable[[Client, User], None]
) -> None:
    monkeypatch.setattr(live, "LOOK_SECONDS", 3600)
    experiment = await sync_to_async(launched)(owner)
    client, cookie = await sync_to_async(logged_in)(owner)
    async with opened(f"/ws/experiments/{experiment.pk}/", cookie) as socket:
        await subscribed()
        await sync_to_async(way)(client, owner)
        assert await until_closed(socket) == CLOSED


async def subscribed() -> None:
    """Wait until the process receives notifications, since earlier ones are lost."""
    heard = asyncio.Event()
    check = permissions()._check

    async def checked() -> float:
        heard.set()
        return await check()

    permissions()._check = checked  # type: ignore[method-assign]
    while not heard.is_set():
        await sync_to_async(access_changed)()
        await asyncio.sleep(0.05)
    del permissions()._check


@pytest.mark.parametrize("way", WAYS)
async def test_when_the_notification_is_lost_the_check_closes_the_sockets_of_an_account(
    owner: User, settings: Any, monkeypatch: pytest.MonkeyPatch, way: Callable[[Client, User], None]
) -> None:
    settings.REDIS_URL = "unix:///nowhere/redis.sock"
    monkeypatch.setattr(live, "LOOK_SECONDS", 0.1)
    experiment = await sync_to_async(launched)(owner)
    client, cookie = await sync_to_async(logged_in)(owner)
    async with opened(f"/ws/experiments/{experiment.pk}/", cookie) as socket:
        await sync_to_async(way)(client, owner)
        assert await until_closed(socket) == CLOSED


async def test_the_sockets_of_others_stay_open_when_somebody_logs_out(owner: User, settings: Any, monkeypatch: Any) -> None:
    settings.REDIS_URL = "unix:///nowhere/redis.sock"
    monkeypatch.setattr(live, "LOOK_SECONDS", 0.1)
    experiment = await sync_to_async(launched)(owner)
    client, cookie = await sync_to_async(logged_in)(owner)
    _, other_browser = await sync_to_async(logged_in)(owner)
    path = f"/ws/experiments/{experiment.pk}/"
    async with opened(path, cookie) as gone, opened(path, other_browser) as stays:
        await sync_to_async(logs_out)(client, owner)
        assert await until_closed(gone) == CLOSED
        await stays.send_input({"type": "websocket.receive", "text": "{}"})
        assert "pong" in (await stays.receive_output(timeout=10))["text"]


def is_revoked(link: Link) -> None:
    links.revoke(link, link.made_by)


def gets_another_password(link: Link) -> None:
    link.password = "something else"
    link.save()


def shows_no_curves_any_more(link: Link) -> None:
    link.share.choices["curves"] = False
    link.share.save()


def loses_its_share(link: Link) -> None:
    link.share.delete()


def loses_its_experiment(link: Link) -> None:
    Experiment.objects.update(stopped_at=timezone.now())
    lifecycle.delete(Experiment.objects.get())


@sync_to_async
def visited_share(owner: User) -> tuple[Link, str, str]:
    """A link to a live share, the path of its socket, and the cookie of its visitor."""
    share = Share.objects.create(
        experiment=launched(owner), owner=owner, live=True, title="Live", choices=CHOICES.model_dump(mode="json")
    )
    link, _ = links.make_link(share, owner)
    return link, f"/shared/{share.slug}/live/", f"{links.COOKIE}={links.cookie_of(link)}"


@pytest.mark.parametrize(
    "way", [is_revoked, gets_another_password, shows_no_curves_any_more, loses_its_share, loses_its_experiment]
)
async def test_a_notification_closes_the_sockets_of_visitors(
    owner: User, broker: str, monkeypatch: pytest.MonkeyPatch, way: Callable[[Link], None]
) -> None:
    monkeypatch.setattr(live, "LOOK_SECONDS", 3600)
    link, path, cookie = await visited_share(owner)
    async with opened(path, cookie) as socket:
        await subscribed()
        await sync_to_async(way)(link)
        assert await until_closed(socket) == CLOSED


async def test_a_link_that_expires_closes_its_sockets_at_that_time(owner: User, monkeypatch: pytest.MonkeyPatch) -> None:
    link, path, cookie = await visited_share(owner)
    await Link.objects.filter(pk=link.pk).aupdate(expires_at=timezone.now() + timedelta(seconds=3))
    async with opened(path, cookie) as socket:
        monkeypatch.setattr(live, "LOOK_SECONDS", 3600)  # the first check, after two seconds, knows when the link ends
        assert await until_closed(socket) == CLOSED


async def test_while_the_record_cannot_be_read_sockets_stay_open_for_some_seconds_and_then_close(
    owner: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "LOOK_SECONDS", 0.05)
    checks = 0

    async def away(self: live.Permissions) -> float:
        nonlocal checks
        checks += 1
        raise OSError("the record is away")

    experiment = await sync_to_async(launched)(owner)
    _, cookie = await sync_to_async(logged_in)(owner)
    async with opened(f"/ws/experiments/{experiment.pk}/", cookie) as socket:
        monkeypatch.setattr(live.Permissions, "_check", away)
        while checks < 3:
            await asyncio.sleep(0)
        assert permissions().sockets
        monkeypatch.setattr(live, "UNCERTAIN_SECONDS", 0)
        assert (await until_closed(socket))["code"] == live.BROKEN


def test_the_check_needs_as_many_queries_for_a_hundred_sockets_as_for_a_single_socket(
    owner: User, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    experiment = launched(owner)
    users = [User.objects.create_user(f"viewer{number}") for number in range(100)]
    sessions = [
        Session.objects.create(session_key=f"key{number}", session_data="", expire_date=timezone.now() + timedelta(days=1))
        for number in range(100)
    ]
    accounts = [Account(user.pk, user.get_session_auth_hash(), session.pk) for user, session in zip(users, sessions, strict=True)]
    share = Share.objects.create(
        experiment=experiment, owner=owner, live=True, title="Live", choices=CHOICES.model_dump(mode="json")
    )
    made = [links.make_link(share, owner)[0] for _ in range(100)]
    for number in (1, 100):
        with django_assert_num_queries(3):
            assert len(open_experiments([AccountGrant(account, experiment.pk) for account in accounts[:number]])) == number
        with django_assert_num_queries(3):
            assert len(open_permalinks([AccountGrant(account, share.pk) for account in accounts[:number]])) == number
        with django_assert_num_queries(1):
            assert len(open_links([LinkGrant(link.pk, "") for link in made[:number]])) == number


async def test_events_are_sent_while_the_thread_that_consumers_share_is_busy(owner: User) -> None:
    experiment = await sync_to_async(launched)(owner)
    _, cookie = await sync_to_async(logged_in)(owner)
    run = await sync_to_async(lambda: experiment.runs.filter(status="queued").first())()
    assert run
    released = Event()
    async with opened(f"/ws/experiments/{experiment.pk}/", cookie) as socket:
        busy = SyncToAsync.single_thread_executor.submit(released.wait, 60)
        try:
            await asyncio.to_thread(claims.claim, run.pk, "worker")
            async with asyncio.timeout(20):
                while "claimed" not in (await socket.receive_output(timeout=20))["text"]:
                    pass
        finally:
            released.set()
        assert busy.result()
