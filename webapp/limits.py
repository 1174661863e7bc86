"""How large a request may be, known before any of it is read: Django's ASGI server takes all of a body in first."""

import shutil
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from django.conf import settings

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


NO_ROOM = b'{"errors": [{"path": "file", "message": "There is no room for the file on the laboratory\'s disk."}]}'


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
        if scope["path"] in UPLOADS and length.isdigit() and not has_room(int(length)):
            await refuse(send, 507, NO_ROOM)
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


def has_room(length: int) -> bool:
    """Whether the disk has room for a body, which is there twice while it is read, and for what has to stay free."""
    return bool(2 * length + settings.DISK_RESERVE <= shutil.disk_usage(settings.UPLOADS_DIR).free)


async def refuse(send: Send, status: int = 413, sentence: bytes = SENTENCE) -> None:
    headers = [(b"content-type", b"application/json"), (b"connection", b"close")]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": sentence})
