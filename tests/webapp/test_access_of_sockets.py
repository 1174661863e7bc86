"""Permissions of each kind of account for every WebSocket."""

from typing import Any

import pytest
from asgiref.sync import async_to_sync
from asgiref.testing import ApplicationCommunicator
from channels.routing import URLRouter
from django.contrib.auth.models import AnonymousUser, User

from tests.factories.experiments import launched
from webapp.live import routing as live
from webapp.share_pages import routing as sharing
from webapp.shares import links
from webapp.shares.models import Share

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.usefixtures("called"),
    pytest.mark.filterwarnings("ignore:StreamingHttpResponse must consume"),  # the test client is synchronous
]


SOCKETS = [*live.websocket_urlpatterns, *sharing.websocket_urlpatterns]


@pytest.mark.django_db(transaction=True)
def test_every_socket_wants_an_account_or_for_a_share_its_link(people: dict[str, User | None], owner: User) -> None:
    experiment = launched(owner)
    share = Share.objects.create(experiment=experiment, owner=owner, live=True, title="A share", choices={})
    link, token = links.make_link(share, owner)
    cookie = links.cookie_of(link)
    known = {"<int:experiment_id>": str(experiment.pk), "<slug:slug>": share.slug, "<str:token>": token}
    for route in SOCKETS:
        path = "/" + str(route.pattern)
        for name, value in known.items():
            path = path.replace(name, value)
        for person, user in people.items():
            opened = async_to_sync(stays_open)(path, user or AnonymousUser(), cookie if person == "share visitor" else "")
            by_link = person == "share visitor" if path.startswith("/shared/") else user is not None
            assert opened == (by_link or path.startswith("/e/")), f"{path} by {person}"


async def stays_open(path: str, user: User | AnonymousUser, cookie: str) -> bool:
    scope: dict[str, Any] = {
        "type": "websocket",
        "path": path,
        "query_string": b"",
        "headers": [],
        "subprotocols": [],
        "cookies": {links.COOKIE: cookie},
        "user": user,
    }
    socket = ApplicationCommunicator(URLRouter(SOCKETS), scope)
    await socket.send_input({"type": "websocket.connect"})
    answer = await socket.receive_output(timeout=10)
    if answer["type"] == "websocket.accept":
        for _ in ("what the page has", "a ping"):
            await socket.send_input({"type": "websocket.receive", "text": "{}"})
        answer = await socket.receive_output(timeout=10)
    await socket.send_input({"type": "websocket.disconnect", "code": 1000})
    await socket.wait()
    return bool(answer["type"] == "websocket.send")
