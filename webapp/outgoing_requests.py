"""Requests to servers outside: the webhook's receiver and the provider of single sign-on.

A name is resolved once, each of its addresses is checked, and the connection goes to a checked address: a name that has another
address a moment later leads nowhere else. Redirects are not followed.
"""

import base64
import ipaddress
import socket
import time
import urllib.request
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import httpcore2
import httpx2
from django.conf import settings

LARGEST = 2**20
"""Bytes of an answer that are read."""

TRANSLATED = ipaddress.ip_network("64:ff9b::/96")
"""IPv6 addresses that stand for the IPv4 address in their last four bytes (RFC 6052)."""

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class Unreachable(OSError):
    """A request without a usable answer; the message says why and has no secret."""


class Forbidden(Unreachable):
    """A request to an address that is not public and that OUTGOING_NETWORKS does not name."""


@dataclass(frozen=True)
class Answer:
    status: int
    content: bytes
    kind: str = ""
    """The content type, in lower case."""

    @property
    def is_success(self) -> bool:
        return 200 <= self.status < 300

    @property
    def text(self) -> str:
        return self.content.decode(errors="replace")


def request(method: str, url: str, *, content: bytes = b"", headers: Mapping[str, str] = {}, seconds: float) -> Answer:
    """Return the answer, of at most LARGEST bytes, within ``seconds`` or the last read of them. Raises Unreachable."""
    until = time.monotonic() + seconds
    try:
        address = httpx2.URL(url)
        target = httpcore2.URL(
            scheme=address.raw_scheme, host=address.raw_host, port=address.port, target=address.raw_path or b"/"
        )
        sent = {"Accept-Encoding": "identity", **_credentials(address), **headers}
        waits = {"timeout": dict.fromkeys(("connect", "read", "write", "pool"), seconds)}
        with (
            _pool(address) as pool,
            pool.stream(method, target, headers=list(sent.items()), content=content or None, extensions=waits) as answer,
        ):
            return Answer(answer.status, _read(answer.iter_stream(), until), _kind(answer.headers))
    except (httpcore2.TimeoutException, httpcore2.NetworkError, httpcore2.ProtocolError, httpcore2.ProxyError) as error:
        raise Unreachable(f"{type(error).__name__}: {error}") from error
    except (httpcore2.UnsupportedProtocol, httpx2.InvalidURL, ValueError, TypeError) as error:
        raise Unreachable(f"The address cannot be used: {error}") from error


def _read(parts: Iterable[bytes], until: float) -> bytes:
    content = b""
    for part in parts:
        content += part
        if len(content) > LARGEST:
            raise Unreachable(f"The answer is larger than {LARGEST // 2**10} KiB.")
        if time.monotonic() > until:
            raise Unreachable("The answer came too slowly.")
    return content


def _kind(headers: Iterable[tuple[bytes, bytes]]) -> str:
    return next((value.decode("latin1").lower() for name, value in headers if name.lower() == b"content-type"), "")


def _credentials(address: httpx2.URL) -> dict[str, str]:
    """Return the header for the name and password of an address, if it has any."""
    if not address.userinfo:
        return {}
    pair = f"{address.username}:{address.password}".encode()
    return {"Authorization": f"Basic {base64.b64encode(pair).decode()}"}


def _pool(address: httpx2.URL) -> httpcore2.ConnectionPool:
    """Return connections that are checked.

    Where the environment names a proxy, that resolves the name too: here only a name with a forbidden address is refused.
    """
    context = httpx2.create_ssl_context()
    proxy = urllib.request.getproxies().get(address.scheme)
    if not proxy or urllib.request.proxy_bypass(address.host):
        return httpcore2.ConnectionPool(ssl_context=context, network_backend=CheckedBackend())
    try:
        addresses = resolved(address.host, address.port or 0)
    except OSError:
        addresses = []
    check(address.host, addresses)
    return httpcore2.ConnectionPool(ssl_context=context, proxy=httpcore2.Proxy(proxy))


class CheckedBackend(httpcore2.SyncBackend):
    """Connections to public addresses, and to those that OUTGOING_NETWORKS names."""

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Any = None,
    ) -> httpcore2.NetworkStream:
        try:
            addresses = resolved(host, port)
        except OSError as error:
            raise httpcore2.ConnectError(f"{host} has no address: {error}") from error
        check(host, addresses)
        for number, address in enumerate(addresses, 1):
            try:
                return super().connect_tcp(address, port, timeout, local_address, socket_options)
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout):
                if number == len(addresses):
                    raise
        raise httpcore2.ConnectError(f"{host} has no address")


def resolved(host: str, port: int) -> list[str]:
    """Return the addresses of a name, each once. Raises OSError."""
    places = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(place[0]) for *_, place in places))


def check(host: str, addresses: Iterable[str]) -> None:
    """Raise Forbidden unless every address is public or allowed."""
    allowed = [ipaddress.ip_network(network) for network in settings.OUTGOING_NETWORKS]
    for text in addresses:
        address = _plain(ipaddress.ip_address(text.partition("%")[0]))
        if not is_public(address) and not any(address in network for network in allowed):
            raise Forbidden(f"{host} has an address that is not public. OUTGOING_NETWORKS can allow it.")


def is_public(address: Address) -> bool:
    inside = address.is_multicast or address.is_reserved or getattr(address, "is_site_local", False)
    return address.is_global and not inside


def _plain(address: Address) -> Address:
    """Return the IPv4 address that an IPv6 address stands for, or the address itself."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address in TRANSLATED:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    teredo = address.teredo
    return address.ipv4_mapped or address.sixtofour or (teredo[1] if teredo else None) or address
