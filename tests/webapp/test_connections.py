"""Clients that open connections and do not continue affect nobody else, at any point of a request."""

import asyncio
import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
import uvicorn
import websockets.sync.client as websockets

from webapp import connections
from webapp.connections import Connections, HttpConnection, SocketConnection

GET = b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
HALF = b"GET / HTTP/1.1\r\nHost: loc"
POST = b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000\r\n\r\n"
EACH = 100


class Served:
    """A real server on a free port, whose application reads a body and answers with its length."""

    def __init__(self) -> None:
        config = uvicorn.Config(
            self.application,
            port=0,
            lifespan="off",
            log_level="error",
            proxy_headers=False,
            interface="asgi3",
            http=HttpConnection,
            ws=SocketConnection,
        )
        self.server = uvicorn.Server(config)
        self.holding = threading.Event()
        self.thread = threading.Thread(target=self.server.run, daemon=True)
        self.thread.start()
        while not self.server.started:
            time.sleep(0.01)
        self.port = self.server.servers[0].sockets[0].getsockname()[1]
        self.clients = contextlib.ExitStack()

    async def application(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.accept"})
            await receive()
            return
        read, more = 0, True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                return
            read, more = read + len(message["body"]), message["more_body"]
        while scope["path"] == "/held" and not self.holding.is_set():
            await asyncio.sleep(0.01)
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"%d bytes" % read})

    def client(self, sent: bytes = b"", address: str = "127.0.0.1") -> socket.socket:
        connection = socket.create_connection(("127.0.0.1", self.port), timeout=20, source_address=(address, 0))
        self.clients.enter_context(connection)
        with contextlib.suppress(OSError):
            connection.sendall(sent)
        return connection

    def answer(self, sent: bytes, address: str = "127.0.0.1") -> bytes:
        return everything(self.client(sent, address))

    def open(self) -> int:
        return connections.connections()._number


def everything(client: socket.socket) -> bytes:
    """Return everything that the server sends until it closes."""
    received = b""
    with contextlib.suppress(ConnectionResetError):
        while part := client.recv(65_536):
            received += part
    return received


def until(true: Any) -> None:
    while not true():
        time.sleep(0.01)


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    few = Connections(most=3 * EACH, each=EACH)
    monkeypatch.setattr(connections, "connections", lambda: few)
    server = Served()
    yield server
    server.holding.set()
    server.clients.close()
    server.server.should_exit = server.server.force_exit = True
    server.thread.join(20)


@pytest.mark.parametrize("sent", [b"", HALF, POST, POST + b"x"])
def test_a_request_is_answered_while_somebody_at_the_same_address_leaves_1200_unfinished(served: Served, sent: bytes) -> None:
    for _ in range(1200):
        served.client(sent)
    assert served.answer(GET).startswith(b"HTTP/1.1 200")
    assert served.open() <= EACH


def test_many_addresses_together_have_a_limit_too(served: Served) -> None:
    for number in range(5 * EACH):
        served.client(HALF, f"127.0.1.{number % 50 + 1}")
    assert served.answer(GET).startswith(b"HTTP/1.1 200")
    assert served.open() <= 3 * EACH


def test_an_address_whose_requests_are_all_at_work_is_refused_more_and_others_are_not(served: Served) -> None:
    for _ in range(EACH):
        served.client(b"GET /held HTTP/1.1\r\nHost: localhost\r\n\r\n")
    assert served.answer(GET).startswith(b"HTTP/1.1 503")
    assert served.answer(GET, "127.0.0.2").startswith(b"HTTP/1.1 200")


def test_half_a_head_is_answered_when_its_time_is_over(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "HEAD_SECONDS", 0.2)
    assert served.answer(HALF).startswith(b"HTTP/1.1 408")
    assert served.answer(b"") == b""


@pytest.mark.parametrize("drop", [b"\r\n", b"G", b"X: y\r\n"])
def test_drops_of_a_head_win_no_time(served: Served, monkeypatch: pytest.MonkeyPatch, drop: bytes) -> None:
    monkeypatch.setattr(connections, "HEAD_SECONDS", 0.5)
    client = served.client(HALF[:0] if drop != b"X: y\r\n" else b"GET / HTTP/1.1\r\n")
    with contextlib.suppress(OSError):
        while served.open():
            client.sendall(drop)
            time.sleep(0.05)
    assert not served.open()


def test_a_second_request_on_a_connection_has_the_same_time(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    client = served.client(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
    assert client.recv(100).startswith(b"HTTP/1.1 200")
    monkeypatch.setattr(connections, "HEAD_SECONDS", 0.2)
    client.sendall(HALF)
    assert b"HTTP/1.1 408" in everything(client)


def test_a_head_without_an_end_is_refused(served: Served) -> None:
    assert served.answer(b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 100_000).startswith(b"HTTP/1.1 431")


def test_a_body_that_comes_in_drops_is_refused(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "BODY_SECONDS", 0.05)
    monkeypatch.setattr(connections, "BODY_GRACE_SECONDS", 0.2)
    assert served.answer(POST + b"x").startswith(b"HTTP/1.1 408")


def test_a_whole_body_is_read(served: Served) -> None:
    assert b"100000 bytes" in served.answer(POST.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n") + b"x" * 100_000)


def test_sockets_count_until_they_close(served: Served) -> None:
    with websockets.connect(f"ws://127.0.0.1:{served.port}/"):
        assert served.open() == 1
    until(lambda: served.open() == 0)


def test_what_an_answered_request_held_is_free_again(served: Served) -> None:
    for _ in range(2 * EACH):
        assert served.answer(GET).startswith(b"HTTP/1.1 200")
    until(lambda: served.open() == 0)
