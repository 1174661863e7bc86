"""Limits on the size of requests by sender, checked before the body is read: Django's ASGI server reads a whole body first."""

import asyncio
import contextlib
import json
import re
import shutil
from collections.abc import Awaitable, Callable, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from channels.db import DatabaseSyncToAsync
from django.conf import settings
from django.template.loader import render_to_string

from webapp.failures import NOT_DONE
from webapp.middleware import NO_STORE, STRICT
from webapp.upload_permissions import API, WORKER_UPLOADS_AT_ONCE, Refusal, known, under_way, uploader, worker_token

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Message, Receive, Send], Awaitable[None]]
Result = TypeVar("Result")

LARGEST_FILE = 2**30
UPLOADS = (
    *("/datasets/upload/", "/api/v1/datasets", "/experiments/import/", "/api/v1/archives"),
    *("/datasets/labels/upload/", "/api/v1/supervisors"),
)
LARGEST_BODY = 2**24
LARGEST_OF_WORKERS = 2**36
"""Limit for a file of a run, such as the checkpoint of a large model, from a worker by HTTPS."""
WORKER_FILES = re.compile(r"/api/v1/work/[^/]+/files/.+")
LARGEST_OF_STRANGERS = 2**16
"""Limit for visitors without an account: logins, passwords, and answers of single sign-on."""
SPARE = 2**20
"""Allowance for the fields of a form beside its file."""

DRAINED_SECONDS, DRAINED_BYTES = 2.0, 2**23
"""Part of a refused body that is read and discarded, so that its sender can read the answer before the connection closes."""

WORKER_FILE_TOO_LARGE = f"The file is larger than {LARGEST_OF_WORKERS // 2**30} GiB."
FILE_TOO_LARGE = "The file is larger than 1 GB, and at most 1 GB can be read."
BODY_TOO_LARGE = f"The request is larger than {LARGEST_BODY // 2**20} MB."
LOG_IN_FIRST = f"Without a login a request can have at most {LARGEST_OF_STRANGERS // 2**10} KB. Log in first."
NO_ROOM = "The laboratory's disk has too little space for the file."

ASKING = ThreadPoolExecutor(4, "admission")


def limited(app: App) -> App:
    """Return ``app`` with limits on bodies.

    They are 64 GiB for files of workers, 1 GB for uploads of members, 16 MB for accounts, and 64 KB for visitors.
    """

    async def wrapped(scope: Message, receive: Receive, send: Send) -> None:
        body = Body(scope, receive)
        try:
            if scope["method"] == "POST" and scope["path"] in UPLOADS:
                body.most, body.too_large = LARGEST_FILE + SPARE, FILE_TOO_LARGE
                length = body.expect()
                user = await _in_thread(uploader, scope["path"], scope["headers"])
                if not has_room(length):
                    raise Refusal(507, NO_ROOM)
                with under_way(f"account {user.pk}"):
                    await app(scope, body.receive, send)
            elif scope["method"] == "PUT" and WORKER_FILES.fullmatch(scope["path"]):
                body.most, body.too_large = LARGEST_OF_WORKERS, WORKER_FILE_TOO_LARGE
                length = body.expect()
                token = await _in_thread(worker_token, scope["headers"])
                if not has_room(length):
                    raise Refusal(507, NO_ROOM)
                with under_way(f"token {token.pk}", WORKER_UPLOADS_AT_ONCE):
                    await app(scope, body.receive, send)
            else:
                body.by_stranger = True
                await body.admit(body.expect())
                await app(scope, body.receive, send)
        except Refusal as refusal:
            await refuse(scope, body, send, refusal)

    return wrapped


def has_room(length: int) -> bool:
    """Return whether the disk has space for two copies of a body, as while it is read, and for the reserve."""
    return bool(2 * length + settings.DISK_RESERVE <= shutil.disk_usage(settings.UPLOADS_DIR).free)


class Body:
    """The body of one request: ``receive`` raises Refusal once it is larger than allowed.

    ``by_stranger`` is true until an account is found, which is looked up for larger bodies only.
    """

    def __init__(self, scope: Message, receive: Receive) -> None:
        self.scope, self._receive = scope, receive
        self.most, self.too_large, self.by_stranger = LARGEST_BODY, BODY_TOO_LARGE, False
        self.read, self.more = 0, True

    def expect(self) -> int:
        """Return the length that the headers declare. Raise Refusal if it is too large."""
        length = dict(self.scope["headers"]).get(b"content-length", b"0")
        said = int(length[:20]) if length.isdigit() else 0
        if said > self.most:
            raise Refusal(413, self.too_large)
        return said

    async def admit(self, size: int) -> None:
        """Raise Refusal if a body of ``size`` bytes is too large for its sender."""
        if size > self.most:
            raise Refusal(413, self.too_large)
        if self.by_stranger and size > LARGEST_OF_STRANGERS:
            self.by_stranger = not await _in_thread(known, self.scope["path"], self.scope["headers"])
            if self.by_stranger:
                raise Refusal(413, LOG_IN_FIRST)

    async def receive(self) -> Message:
        message = await self._receive()
        self.read += len(message.get("body", b""))
        self.more = bool(message.get("more_body", False))
        await self.admit(self.read)
        return message

    async def drain(self) -> None:
        """Read and discard the rest for a moment."""
        most = self.read + DRAINED_BYTES
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(DRAINED_SECONDS):
                while self.more and self.read < most:
                    message = await self._receive()
                    self.read += len(message.get("body", b""))
                    self.more = bool(message.get("more_body", False))


async def _in_thread(function: Callable[..., Result], *arguments: Any) -> Result:
    """Return the result of a function that reads the database, in a thread that serves no requests."""
    result: Result = await DatabaseSyncToAsync(function, thread_sensitive=False, executor=ASKING)(*arguments)
    return result


def _reads_html(scope: Message) -> bool:
    """Return whether a browser sent the form and displays the answer."""
    return any(name == b"accept" and b"text/html" in value for name, value in scope["headers"])


async def refuse(scope: Message, body: Body, send: Send, refusal: Refusal) -> None:
    """Answer at once and close the connection."""
    if not scope["path"].startswith(API) and _reads_html(scope):
        context = {"title": NOT_DONE, "sentence": refusal.sentence}
        kind, text = b"text/html; charset=utf-8", str(await _in_thread(render_to_string, "failure.html", context))
    elif scope["path"].startswith(API) or refusal.status in (413, 507):
        kind, text = b"application/json", json.dumps({"errors": [{"path": "file", "message": refusal.sentence}]})
    else:
        kind, text = b"text/plain; charset=utf-8", refusal.sentence
    headers = [(b"content-type", kind), (b"content-length", b"%d" % len(text.encode())), (b"connection", b"close")]
    headers += [(name.lower().encode(), value.encode()) for name, value in STRICT.items()]
    headers.append((b"cache-control", NO_STORE.encode()))
    if refusal.retry:
        headers.append((b"retry-after", b"%d" % refusal.retry))
    await send({"type": "http.response.start", "status": refusal.status, "headers": headers})
    await send({"type": "http.response.body", "body": text.encode(), "more_body": True})
    await body.drain()
    await send({"type": "http.response.body", "body": b""})
