"""The web server's connections: uvicorn's protocols with a time limit for every request and a limit on open connections.

A client has HEAD_SECONDS for the head of a request, and must then send its body and read its answer at a minimum rate. If one
address or all addresses together have too many connections, the one that has waited longest for its client is closed. So a
client that opens many connections without sending loses those first, and a request that is sent at once is answered.
"""

import resource
from asyncio import BaseTransport, TimerHandle
from functools import cache
from typing import Any, cast

from django.conf import settings
from uvicorn.middleware.proxy_headers import _TrustedHosts
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from webapp import instruments

HEAD_SECONDS = 10.0
HEAD_BYTES = 65_536

BODY_SECONDS = 5.0
"""Seconds between two measurements of a body's rate."""
BODY_GRACE_SECONDS = 10.0
BODY_RATE = 1024
"""Bytes a second, on average since the head."""

TAKING_SECONDS = 60.0
"""Seconds for a client to read the buffered part of an answer, some 64 KB."""

TOO_MANY, TOO_SLOW, TOO_LARGE = 503, 408, 431
SENTENCES = {
    TOO_MANY: b"There are too many connections. Try again in a moment.",
    TOO_SLOW: b"The request came too slowly.",
    TOO_LARGE: b"The head of the request is too large.",
}


class Connections:
    """The open connections of this process: at most ``most`` in all, and ``each`` for one address."""

    def __init__(self, most: int, each: int) -> None:
        self.most, self.each = most, each
        self._by_address: dict[str, dict[Any, None]] = {}
        self._number = 0

    def admit(self, connection: "HttpConnection") -> bool:
        """Add the connection, if necessary after closing another. Return whether that was possible."""
        theirs = self._by_address.get(connection.address, {})
        if not connection.trusted and len(theirs) >= self.each and not self._make_room(list(theirs)):
            return False
        if self._number >= self.most and not self._make_room([other for group in self._by_address.values() for other in group]):
            return False
        self.add(connection)
        return True

    def add(self, connection: Any) -> None:
        self._by_address.setdefault(connection.address, {})[connection] = None
        self._number += 1
        instruments.CONNECTIONS.set(self._number)

    def remove(self, connection: Any) -> None:
        """Remove the connection; a second call does nothing."""
        theirs = self._by_address.get(connection.address, {})
        if connection in theirs:
            del theirs[connection]
            self._number -= 1
            instruments.CONNECTIONS.set(self._number)
            if not theirs:
                del self._by_address[connection.address]

    def _make_room(self, among: list[Any]) -> bool:
        waiting = [
            connection for connection in among if isinstance(connection, HttpConnection) and connection.patience is not None
        ]
        if not waiting:
            return False
        victim = min(waiting, key=lambda connection: connection.patience or (0, 0.0))
        self.remove(victim)
        victim.transport.abort()
        return True


@cache
def connections() -> Connections:
    """Return those of this process. Half of its file descriptors remain for the database, children and files."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    files = 65_536 if hard == resource.RLIM_INFINITY else hard
    resource.setrlimit(resource.RLIMIT_NOFILE, (files, hard))
    return Connections(min(settings.CONNECTIONS, files // 2), settings.CONNECTIONS_PER_ADDRESS or settings.CONNECTIONS)


class HttpConnection(HttpToolsProtocol):
    """An HTTP connection.

    ``address`` is that of its other end: that of a ``trusted`` proxy, if there is one, which has no limit.
    """

    address = ""
    trusted = False
    _head_timer: TimerHandle | None = None
    _body_timer: TimerHandle | None = None
    _taking_timer: TimerHandle | None = None
    _waiting_since: float = 0.0
    _head_bytes = 0
    _body_bytes = 0
    _body_seconds = 0.0

    @property
    def patience(self) -> tuple[int, float] | None:
        """The order in which excess connections are closed, the smallest first; None while the client waits for this server."""
        if self._head_timer:
            return 0, self._waiting_since
        if self._body_timer:
            return 1, self._body_bytes / max(1.0, self.loop.time() - self._waiting_since)
        return (2, self._waiting_since) if self._taking_timer else None

    def connection_made(self, transport: BaseTransport) -> None:
        super().connection_made(cast(Any, transport))
        self.address = self.client[0] if self.client else ""
        self.trusted = self.config.proxy_headers and self.address in _trusted(str(self.config.forwarded_allow_ips))
        if connections().admit(self):
            self._await_head()
        else:
            self._end(TOO_MANY)

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_timers()
        connections().remove(self)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self.transport.is_closing():
            return
        if self._head_timer:
            self._head_bytes += len(data)
        super().data_received(data)
        if self._head_timer and self._head_bytes > HEAD_BYTES:
            self._end(TOO_LARGE)

    def handle_websocket_upgrade(self) -> None:
        self._stop_timers()
        connections().remove(self)
        super().handle_websocket_upgrade()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        if not self._head_timer and (self.cycle is None or self.cycle.response_complete):
            self._await_head()

    def on_headers_complete(self) -> None:
        self._head_timer = _stopped(self._head_timer)
        self._body_bytes, self._body_seconds, self._waiting_since = 0, 0.0, self.loop.time()
        _stopped(self._body_timer)
        self._body_timer = self.loop.call_later(BODY_SECONDS, self._measure_body)
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        self._body_bytes += len(body)
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._body_timer = _stopped(self._body_timer)
        super().on_message_complete()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if not self.transport.is_closing() and self.cycle.response_complete:
            self._await_head()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._waiting_since = self.loop.time()
        _stopped(self._taking_timer)
        self._taking_timer = self.loop.call_later(TAKING_SECONDS, self.transport.abort)

    def resume_writing(self) -> None:
        self._taking_timer = _stopped(self._taking_timer)
        super().resume_writing()

    def _await_head(self) -> None:
        self._head_bytes, self._waiting_since = 0, self.loop.time()
        _stopped(self._head_timer)
        self._head_timer = self.loop.call_later(HEAD_SECONDS, self._end, TOO_SLOW)

    def _measure_body(self) -> None:
        """Close the connection if the client sends too slowly. Time in which this server does not read is not counted."""
        self._body_timer = self.loop.call_later(BODY_SECONDS, self._measure_body)
        self._body_seconds += 0 if self.flow.read_paused else BODY_SECONDS
        if self._body_seconds > BODY_GRACE_SECONDS and self._body_bytes < BODY_RATE * self._body_seconds:
            self._end(TOO_SLOW)

    def _end(self, status: int) -> None:
        """Close, with an answer if none has begun. A connection without a request gets none, as browsers open some in advance."""
        self._stop_timers()
        answered = self.cycle is not None and not self.cycle.response_complete and self.cycle.response_started
        if not answered and (self._head_bytes or self._body_bytes or status == TOO_MANY):
            sentence = SENTENCES[status]
            head = b"content-type: text/plain; charset=utf-8\r\nx-content-type-options: nosniff\r\n"
            head += b"content-security-policy: default-src 'none'\r\nconnection: close\r\nretry-after: 5\r\n"
            self.transport.write(b"%s%scontent-length: %d\r\n\r\n%s" % (STATUS_LINE[status], head, len(sentence), sentence))
        self.transport.close()

    def _stop_timers(self) -> None:
        self._head_timer = _stopped(self._head_timer)
        self._body_timer = _stopped(self._body_timer)
        self._taking_timer = _stopped(self._taking_timer)


class SocketConnection(WebSocketsSansIOProtocol):
    """A WebSocket in the count of open connections. The pings of uvicorn close it if its client is gone."""

    address = ""

    def connection_made(self, transport: BaseTransport) -> None:
        super().connection_made(transport)
        self.address = self.client[0] if self.client else ""
        connections().add(self)
        instruments.SOCKETS.inc()

    def connection_lost(self, exc: Exception | None) -> None:
        connections().remove(self)
        instruments.SOCKETS.dec()
        super().connection_lost(exc)


@cache
def _trusted(hosts: str) -> _TrustedHosts:
    return _TrustedHosts(hosts)


def _stopped(timer: TimerHandle | None) -> TimerHandle | None:
    """Cancel the timer. Return None, its new value."""
    if timer:
        timer.cancel()
    return None
