"""The socket of the web server, and the messages if it cannot listen."""

import socket

import pytest

from webapp.server_socket import host_of, listen, url_of


@pytest.mark.parametrize(
    ("host", "named"),
    [("127.0.0.1", "127.0.0.1"), ("::1", "[::1]"), ("[::1]", "[::1]"), ("0.0.0.0", "127.0.0.1"), ("::", "[::1]")],
)
def test_both_families_can_be_listened_on_and_are_reached_at_an_address_of_this_machine(host: str, named: str) -> None:
    with listen(host, 0) as listener:
        assert host_of(listener) == named
        assert url_of(listener) == f"http://{named}:{listener.getsockname()[1]}"
        with socket.create_connection((named.strip("[]"), listener.getsockname()[1]), timeout=5):
            pass


@pytest.mark.parametrize("port", [-1, 65_536, 70_000])
def test_a_port_that_is_none_is_refused(port: int) -> None:
    with pytest.raises(OSError, match=f"--port must be a number from 0 to 65535, not {port}"):
        listen("127.0.0.1", port)


@pytest.mark.parametrize("host", ["no such host", "256.1.1.1", "x" * 300, "::g", "192.0.2.1"])
def test_a_host_that_is_not_this_machine_is_refused_in_a_sentence(host: str) -> None:
    with pytest.raises(OSError, match=r"--host must be an address or name of this machine|Cannot listen on"):
        listen(host, 0)
