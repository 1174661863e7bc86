"""How large a request may be, known before any of it is read: Django's ASGI server takes all of a body in first."""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Message, Receive, Send], Awaitable[None]]

LARGEST_FILE = 2**30
UPLOADS = ("/datasets/upload/", "/api/v1/datasets", "/experiments/import/", "/api/v1/archives")
LARGEST_BODY = 2**24
SPARE = 2**20
"""For what a form carries beside its file."""
SENTENCE = b'{"errors": [{"path": "file", "message": "The file is larger than 1 GB, and at most 1 GB can be read."}]}'


class TooLarge(Exception):
    """A body without a length turned out to be larger than it may be."""


def limited(app: App) -> App:
    """``app`` behind a limit on the size of bodies: 1 GB where files are uploaded, 16 MB anywhere else."""

    async def wrapped(scope: Message, receive: Receive, send: Send) -> None:
        most = LARGEST_FILE + SPARE if scope["path"] in UPLOADS else LARGEST_BODY
        length = dict(scope["headers"]).get(b"content-length", b"0")
        if length.isdigit() and int(length) > most:
            await refuse(send)
            return
        read = 0

        async def counted() -> Message:
            nonlocal read
            message = await receive()
            read += len(message.get("body", b""))
            if read > most:
                raise TooLarge
            return message

        try:
            await app(scope, counted, send)
        except TooLarge:
            await refuse(send)

    return wrapped


async def refuse(send: Send) -> None:
    headers = [(b"content-type", b"application/json"), (b"connection", b"close")]
    await send({"type": "http.response.start", "status": 413, "headers": headers})
    await send({"type": "http.response.body", "body": SENTENCE})
