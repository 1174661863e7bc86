"""Requests of the laboratory to servers outside: to public addresses alone, of which each was checked before the connection."""

import socket
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from webapp.outgoing_requests import LARGEST, Forbidden, Unreachable, check, request

NAME = "hook.example.org"

INSIDE = (
    *("127.0.0.1", "127.8.8.8", "10.0.0.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0"),
    *("224.0.0.1", "255.255.255.255", "192.0.2.1", "::1", "::", "fe80::1%eth0", "fc00::1", "fec0::1", "ff02::1"),
    *("::ffff:127.0.0.1", "::ffff:10.0.0.3", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "2002:7f00:1::", "2002:a00:3::1"),
)
OUTSIDE = ("1.1.1.1", "93.184.216.34", "2606:4700:4700::1111", "::ffff:1.1.1.1", "64:ff9b::101:101")


class Server:
    """An HTTP server on loopback whose answer is ``status`` and ``content``; with ``waits`` its content does not come."""

    def __init__(self) -> None:
        self.status, self.content, self.waits = 200, b"said", threading.Event()
        self.waits.set()
        self.heads: list[dict[str, str]] = []
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                server.heads.append(dict(self.headers))
                self.send_response(server.status)
                self.send_header("Content-Length", str(len(server.content)))
                self.send_header("Location", "/elsewhere")
                self.end_headers()
                server.waits.wait(30)
                self.wfile.write(server.content)

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://{NAME}:{self.server.server_port}/path"


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    yield server
    server.waits.set()
    server.server.shutdown()
    server.server.server_close()


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[str]]:
    """A function that sets the answers of the resolver for NAME, the last one repeated; it returns the list of questions."""
    real: Any = socket.getaddrinfo
    monkeypatch.setattr("urllib.request.getproxies", dict)

    def answering(*answers: list[str]) -> list[str]:
        requests: list[str] = []

        def resolve(host: str, port: int, *rest: Any, **options: Any) -> Any:
            if host != NAME:
                return real(host, port, *rest, **options)
            requests.append(host)
            addresses = answers[min(len(requests), len(answers)) - 1]
            return [place for address in addresses for place in real(address, port, *rest, **options)]

        monkeypatch.setattr(socket, "getaddrinfo", resolve)
        return requests

    return answering


@pytest.mark.parametrize("address", INSIDE)
def test_an_address_that_is_not_public_is_refused_however_it_is_written(address: str, settings: Any) -> None:
    settings.OUTGOING_NETWORKS = []
    with pytest.raises(Forbidden, match="OUTGOING_NETWORKS"):
        check(NAME, [address])


def test_public_addresses_are_not_refused_unless_another_of_the_same_name_is(settings: Any) -> None:
    settings.OUTGOING_NETWORKS = []
    check(NAME, OUTSIDE)
    with pytest.raises(Forbidden):
        check(NAME, [*OUTSIDE, "10.0.0.3"])


def test_an_allowed_network_is_reached_and_no_other(settings: Any) -> None:
    settings.OUTGOING_NETWORKS = ["10.0.0.0/24", "::1"]
    check(NAME, ["10.0.0.3", "::ffff:10.0.0.3", "::1"])
    for address in ("10.0.1.3", "127.0.0.1"):
        with pytest.raises(Forbidden):
            check(NAME, [address])


def test_nothing_is_sent_to_a_name_that_leads_inside(server: Server, names: Any, settings: Any) -> None:
    settings.OUTGOING_NETWORKS = []
    names(["127.0.0.1"])
    with pytest.raises(Forbidden):
        request("GET", server.url, seconds=5)
    assert server.heads == []


def test_the_connection_goes_to_the_address_that_was_checked(server: Server, names: Any, settings: Any) -> None:
    """A name that has another address when it is resolved again gains nothing by it."""
    settings.OUTGOING_NETWORKS = ["127.0.0.1"]
    requests = names(["127.0.0.1"], ["127.0.0.9"])
    answer = request("GET", server.url, seconds=5)
    assert (answer.status, answer.text) == (200, "said")
    assert requests == [NAME]
    assert server.heads[0]["Host"] == f"{NAME}:{server.server.server_port}"


def test_the_next_address_of_a_name_is_tried_where_one_does_not_answer(server: Server, names: Any, settings: Any) -> None:
    settings.OUTGOING_NETWORKS = ["127.0.0.0/8"]
    names(["127.0.0.9", "127.0.0.1"])
    assert request("GET", server.url, seconds=5).is_success


def test_a_redirect_is_an_answer_and_is_not_followed(server: Server, names: Any, settings: Any) -> None:
    settings.OUTGOING_NETWORKS = ["127.0.0.1"]
    names(["127.0.0.1"])
    server.status = 302
    assert request("GET", server.url, seconds=5).status == 302
    assert len(server.heads) == 1


def test_an_account_in_the_address_is_sent_as_a_header(server: Server, names: Any, settings: Any) -> None:
    settings.OUTGOING_NETWORKS = ["127.0.0.1"]
    names(["127.0.0.1"])
    request("GET", server.url.replace("//", "//ada:pass%20word@"), seconds=5)
    assert server.heads[0]["Authorization"] == "Basic YWRhOnBhc3Mgd29yZA=="


def test_an_answer_that_is_too_large_or_does_not_end_is_given_up(server: Server, names: Any, settings: Any) -> None:
    settings.OUTGOING_NETWORKS = ["127.0.0.1"]
    names(["127.0.0.1"])
    server.content = b"x" * (LARGEST + 1)
    with pytest.raises(Unreachable, match="larger than"):
        request("GET", server.url, seconds=5)
    server.waits.clear()
    with pytest.raises(Unreachable, match="Timeout"):
        request("GET", server.url, seconds=0.1)


@pytest.mark.parametrize("url", ["http://[::1", "http://127.0.0.1:99999999/", "ftp://example.org/", "http:///path", "nothing"])
def test_an_address_that_cannot_be_used_is_unreachable(url: str) -> None:
    with pytest.raises(Unreachable):
        request("GET", url, seconds=1)


def test_behind_a_proxy_a_name_that_leads_inside_is_refused_as_well(
    names: Any, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.OUTGOING_NETWORKS = []
    names(["10.0.0.3"])
    monkeypatch.setattr("urllib.request.getproxies", lambda: {"http": "http://127.0.0.1:9"})
    with pytest.raises(Forbidden):
        request("GET", f"http://{NAME}/", seconds=1)
    names(["1.1.1.1"])
    with pytest.raises(Unreachable, match="ConnectError"):
        request("GET", f"http://{NAME}/", seconds=1)
