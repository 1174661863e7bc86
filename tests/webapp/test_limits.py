"""Requests that are too large are refused before they are read."""

from collections.abc import MutableMapping
from typing import Any

import pytest
from django.conf import settings

from webapp.limits import LARGEST_FILE, limited

Message = MutableMapping[str, Any]


async def ask(path: str, length: int | None, chunks: list[int]) -> tuple[int, int]:
    """Status of the answer, and the bytes that the application read."""
    sizes, answers, read = list(chunks), list[Message](), 0

    async def receive() -> Message:
        size = sizes.pop(0)
        return {"type": "http.request", "body": b"x" * size, "more_body": bool(sizes)}

    async def send(message: Message) -> None:
        answers.append(message)

    async def app(scope: Message, receive: Any, send: Any) -> None:
        nonlocal read
        more = True
        while more:
            message = await receive()
            read += len(message["body"])
            more = message["more_body"]
        await send({"type": "http.response.start", "status": 200, "headers": []})

    headers = [] if length is None else [(b"content-length", str(length).encode())]
    await limited(app)({"type": "http", "path": path, "headers": headers}, receive, send)
    return answers[0]["status"], read


@pytest.mark.parametrize("path", ["/datasets/upload/", "/api/v1/datasets"])
async def test_a_file_of_a_gigabyte_may_be_uploaded_and_no_larger_one(path: str) -> None:
    assert await ask(path, LARGEST_FILE, [10]) == (200, 10)
    assert await ask(path, LARGEST_FILE + 2**21, [10]) == (413, 0)


async def test_other_requests_are_small() -> None:
    assert await ask("/experiments/new/", 2**20, [10]) == (200, 10)
    assert await ask("/experiments/new/", 2**25, [10]) == (413, 0)


async def test_a_body_without_a_length_is_cut_off_where_it_is_too_large() -> None:
    status, read = await ask("/experiments/new/", None, [2**22] * 100)
    assert status == 413
    assert read <= 2**24


@pytest.mark.parametrize("path", ["/experiments/import/", "/api/v1/archives", "/datasets/upload/", "/api/v1/datasets"])
async def test_an_upload_for_which_the_disk_has_no_room_is_refused_before_it_is_read(
    path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings, "DISK_RESERVE", 2**60)
    assert await ask(path, 100, [10]) == (507, 0)
    assert await ask("/experiments/new/", 100, [10]) == (200, 10)
