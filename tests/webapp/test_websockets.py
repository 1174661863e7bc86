"""Requests for unknown sockets, or from pages of other hosts, are refused with an HTTP answer and without an error."""

from typing import Any

import pytest
from asgiref.testing import ApplicationCommunicator

from webapp.websockets import sockets

pytestmark = pytest.mark.django_db(transaction=True)

OURS = (b"origin", b"http://localhost")


async def answer(path: str, *headers: tuple[bytes, bytes]) -> Any:
    """Return the first message of the application."""
    scope = {"type": "websocket", "path": path, "query_string": b"", "headers": list(headers), "subprotocols": []}
    socket = ApplicationCommunicator(sockets(), scope)
    await socket.send_input({"type": "websocket.connect"})
    return await socket.receive_output(timeout=10)


@pytest.mark.parametrize(
    "path", ["/", "/ws/", "/ws/experiments/x/", "/ws/experiments/1", f"/ws/experiments/{'9' * 5000}/", "/shared/\x00/live/", "//"]
)
async def test_an_unknown_socket_is_not_found(path: str) -> None:
    response = await answer(path, OURS)
    assert (response["type"], response["status"]) == ("websocket.http.response.start", 404)


@pytest.mark.parametrize("origin", [b"http://[", b"http://localhost:99999999", b"http://localhost:x", b"//[::1"])
async def test_an_origin_that_cannot_be_read_is_refused(origin: bytes) -> None:
    response = await answer("/ws/experiments/1/", (b"origin", origin))
    assert (response["type"], response["status"]) == ("websocket.http.response.start", 403)


@pytest.mark.parametrize(
    "headers", [(), ((b"origin", b"http://elsewhere.example"),), ((b"origin", b"null"),), ((b"origin", b""),)]
)
async def test_a_page_of_another_host_is_refused(headers: tuple[tuple[bytes, bytes], ...]) -> None:
    assert (await answer("/ws/experiments/1/", *headers))["type"] == "websocket.close"


async def test_an_experiment_whose_number_is_larger_than_any_is_not_open() -> None:
    path = f"/ws/experiments/{10**30}/"
    assert (await answer(path, OURS, (b"cookie", b"sessionid=\xff; share=\xff:\xff")))["type"] == "websocket.accept"
