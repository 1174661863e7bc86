"""The WebSockets of the laboratory and the permission to open them. A wrong request is answered without an error in the log."""

from typing import Any
from urllib.parse import urlsplit

from channels.auth import AuthMiddlewareStack
from channels.routing import URLRouter
from channels.security.websocket import AllowedHostsOriginValidator
from django.urls import re_path

from webapp.live import routing as live
from webapp.share_pages import routing as sharing


async def unknown(scope: Any, receive: Any, send: Any) -> None:
    """Refuse a request for a socket that does not exist."""
    await refuse(send, 404, b"There is no such socket.")


async def refuse(send: Any, status: int, sentence: bytes) -> None:
    """Answer the handshake of a socket with an HTTP error."""
    headers = [(b"content-type", b"text/plain; charset=utf-8")]
    await send({"type": "websocket.http.response.start", "status": status, "headers": headers})
    await send({"type": "websocket.http.response.body", "body": sentence})


def sockets() -> Any:
    """Return the ASGI application of all sockets, for pages of the laboratory's own hosts."""
    routes = [*live.websocket_urlpatterns, *sharing.websocket_urlpatterns, re_path("", unknown)]  # type: ignore[arg-type]
    known = AllowedHostsOriginValidator(AuthMiddlewareStack(URLRouter(routes)))

    async def application(scope: Any, receive: Any, send: Any) -> None:
        if all(_readable(value) for name, value in scope["headers"] if name == b"origin"):
            await known(scope, receive, send)
        else:
            await refuse(send, 403, b"The origin of this socket cannot be read.")

    return application


def _readable(origin: bytes) -> bool:
    """Return whether the origin can be parsed; otherwise later code raises ValueError."""
    try:
        _ = urlsplit(origin.decode("latin1")).port
    except ValueError:
        return False
    return True
