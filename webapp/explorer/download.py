"""A file as a response that is streamed in pieces. ASGI reads a FileResponse whole before it sends anything."""

import asyncio
import mimetypes
import os
from collections.abc import AsyncIterator
from typing import IO

from django.http import StreamingHttpResponse
from django.utils.http import content_disposition_header

PIECE = 2**18


def download(file: IO[bytes], name: str) -> StreamingHttpResponse:
    """Return a response that is saved as ``name``; ``file`` is closed at its end, or when the client disconnects."""
    kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
    size = os.fstat(file.fileno()).st_size
    headers = {"Content-Length": str(size), "Content-Disposition": content_disposition_header(True, name) or "attachment"}
    return StreamingHttpResponse(_pieces(file), content_type=kind, headers=headers)


async def _pieces(file: IO[bytes]) -> AsyncIterator[bytes]:
    with file:
        while piece := await asyncio.to_thread(file.read, PIECE):
            yield piece
