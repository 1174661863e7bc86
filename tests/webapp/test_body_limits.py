"""Requests that are too large, or whose sender has no permission, are refused before they are read."""

import asyncio
import json
from collections.abc import Mapping, MutableMapping
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.conf import settings
from django.contrib.auth.models import User
from django.test import Client

from webapp import body_limits, upload_permissions
from webapp.access import Access
from webapp.accounts import people, tokens
from webapp.accounts.models import Scope
from webapp.body_limits import DRAINED_BYTES, LARGEST_FILE, LARGEST_OF_STRANGERS, UPLOADS, limited
from webapp.middleware import POLICY

pytestmark = pytest.mark.django_db(transaction=True)

Message = MutableMapping[str, Any]
Headers = list[tuple[bytes, bytes]]


class Request:
    """A request to an application that reads the whole body, its answer, and the number of bytes read."""

    def __init__(self, path: str, headers: Headers, length: int | None, chunks: list[int], method: str = "POST") -> None:
        said = [] if length is None else [(b"content-length", str(length).encode())]
        self.scope: Message = {"type": "http", "method": method, "path": path, "headers": [*headers, *said]}
        self.sizes, self.answers, self.read, self.received = list(chunks), list[Message](), 0, 0
        self.proceed = asyncio.Event()
        self.proceed.set()

    async def receive(self) -> Message:
        size = self.sizes.pop(0)
        self.received += size
        return {"type": "http.request", "body": b"x" * size, "more_body": bool(self.sizes)}

    async def send(self, message: Message) -> None:
        self.answers.append(message)

    async def app(self, scope: Message, receive: Any, send: Any) -> None:
        more = True
        while more:
            message = await receive()
            self.read += len(message["body"])
            more = message["more_body"]
        await self.proceed.wait()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    async def done(self) -> "Request":
        await limited(self.app)(self.scope, self.receive, self.send)
        return self

    @property
    def status(self) -> int:
        return int(self.answers[0]["status"])

    @property
    def headers(self) -> Mapping[bytes, bytes]:
        return dict(self.answers[0]["headers"])


async def ask(path: str, headers: Headers, length: int | None, chunks: list[int], method: str = "POST") -> Request:
    return await Request(path, headers, length, chunks, method).done()


def of(path: str, user: User | None, scope: Scope = Scope.WRITE) -> Headers:
    """Return the headers of a request of the account."""
    if user is None:
        return []
    if path.startswith("/api/"):
        return [(b"authorization", f"Bearer {tokens.make(user, 'test', scope)[1]}".encode())]
    client = Client()
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return [(b"cookie", f"sessionid={client.cookies['sessionid'].value}".encode())]


carrying = sync_to_async(of)


@sync_to_async
def viewer() -> User:
    user = User.objects.create_user("viewer")
    people.give_role(user, Access.VIEWER)
    return user


@pytest.mark.parametrize("path", UPLOADS)
async def test_a_member_may_upload_a_file_of_a_gigabyte_and_no_larger_one(owner: User, path: str) -> None:
    headers = await carrying(path, owner)
    answer = await ask(path, headers, LARGEST_FILE, [10])
    assert (answer.status, answer.read) == (200, 10)
    answer = await ask(path, headers, LARGEST_FILE + 2**21, [10])
    assert (answer.status, answer.read) == (413, 0)


@pytest.mark.parametrize("path", UPLOADS)
@pytest.mark.parametrize("length", [300 * 2**20, None])
async def test_nothing_of_a_strangers_upload_is_read(path: str, length: int | None) -> None:
    forged: list[Headers] = [
        [],
        [(b"authorization", b"Bearer forged")],
        [(b"authorization", b"Basic YWRhOg==")],
        [(b"authorization", b"\xff")],
        [(b"cookie", b"sessionid=forged")],
        [(b"cookie", b"\xff\x00=;;")],
    ]
    for headers in forged:
        answer = await ask(path, headers, length, [2**20] * 300)
        assert (answer.status, answer.read) == (401, 0)
        assert answer.headers[b"connection"] == b"close"
        assert answer.headers[b"content-security-policy"] == POLICY.encode()
        assert answer.received <= DRAINED_BYTES + 2**20  # thrown away, so that the sender reads the answer


@pytest.mark.parametrize("path", UPLOADS)
async def test_nothing_of_a_viewers_upload_is_read(path: str) -> None:
    answer = await ask(path, await carrying(path, await viewer()), 300 * 2**20, [2**20] * 300)
    assert (answer.status, answer.read) == (403, 0)


async def test_nothing_is_read_of_an_upload_with_a_token_that_may_only_read(owner: User) -> None:
    path = "/api/v1/datasets"
    answer = await ask(path, await carrying(path, owner, Scope.READ), 300 * 2**20, [2**20] * 300)
    assert (answer.status, answer.read) == (403, 0)
    assert json.loads(answer.answers[1]["body"])["errors"][0]["message"] == upload_permissions.READ_ONLY


async def test_nothing_is_read_of_the_upload_of_an_account_that_was_closed(owner: User) -> None:
    for path in UPLOADS:
        headers = await carrying(path, owner)
        await User.objects.aupdate(is_active=False)
        assert (await ask(path, headers, 2**20, [2**20])).status == 401
        await User.objects.aupdate(is_active=True)


async def test_only_the_request_that_uploads_may_be_large(owner: User) -> None:
    path = "/datasets/upload/"
    assert (await ask(path, await carrying(path, owner), 2**25, [10], "GET")).status == 413


async def test_an_account_has_two_uploads_at_a_time(owner: User) -> None:
    path = "/datasets/upload/"
    headers = await carrying(path, owner)
    under_way = [Request(path, headers, 10, [10]) for _ in range(2)]
    for upload in under_way:
        upload.proceed.clear()
    working = [asyncio.create_task(upload.done()) for upload in under_way]
    while not all(upload.read for upload in under_way):
        await asyncio.sleep(0)
    answer = await ask(path, headers, 10, [10])
    assert (answer.status, answer.read, answer.headers[b"retry-after"]) == (429, 0, b"10")
    other = await carrying(path, await sync_to_async(User.objects.create_user)("grace"))
    assert (await ask(path, other, 10, [10])).status == 200
    for upload in under_way:
        upload.proceed.set()
    await asyncio.gather(*working)
    assert (await ask(path, headers, 10, [10])).status == 200


async def test_an_account_has_so_many_uploads_in_an_hour(owner: User, settings: Any) -> None:
    settings.UPLOAD_RATE = "3/h"
    settings.CACHES = {**settings.CACHES, "limits": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
    path = "/api/v1/datasets"
    headers = await carrying(path, owner)
    answer = [await ask(path, headers, 10, [10]) for _ in range(4)]
    assert [upload.status for upload in answer] == [200, 200, 200, 429]
    assert 0 < int(answer[-1].headers[b"retry-after"]) <= 3600


@pytest.mark.parametrize(
    "path", ["/login/", "/s/token/", "/experiments/new/", "/api/v1/experiments", "/nowhere/", "/datasets/upload"]
)
@pytest.mark.parametrize("method", ["GET", "POST", "PUT"])
async def test_a_stranger_may_send_little_wherever_it_is(path: str, method: str) -> None:
    answer = await ask(path, [], LARGEST_OF_STRANGERS, [LARGEST_OF_STRANGERS], method)
    assert (answer.status, answer.read) == (200, LARGEST_OF_STRANGERS)
    answer = await ask(path, [], LARGEST_OF_STRANGERS + 1, [10], method)
    assert (answer.status, answer.read) == (413, 0)
    answer = await ask(path, [], None, [LARGEST_OF_STRANGERS // 2] * 100, method)
    assert answer.status == 413
    assert answer.read <= LARGEST_OF_STRANGERS


@pytest.mark.parametrize("path", ["/experiments/new/", "/api/v1/experiments"])
async def test_an_account_may_send_sixteen_megabytes(owner: User, path: str) -> None:
    headers = await carrying(path, owner)
    assert (await ask(path, headers, 2**20, [2**20])).status == 200
    assert (await ask(path, headers, None, [2**20] * 10)).status == 200
    assert (await ask(path, headers, 2**25, [10])).status == 413
    answer = await ask(path, headers, None, [2**22] * 100)
    assert answer.status == 413
    assert answer.read <= 2**24


async def test_who_goes_on_sending_after_a_refusal_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(body_limits, "DRAINED_SECONDS", 0.05)

    class Silent(Request):
        async def receive(self) -> Message:
            await asyncio.Event().wait()
            raise AssertionError

    answer = await Silent("/datasets/upload/", [], 2**20, [1]).done()
    assert answer.status == 401
    assert answer.answers[-1] == {"type": "http.response.body", "body": b""}


@pytest.mark.parametrize("path", UPLOADS)
async def test_an_upload_for_which_the_disk_has_no_room_is_refused_before_it_is_read(
    owner: User, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings, "DISK_RESERVE", 2**60)
    answer = await ask(path, await carrying(path, owner), 100, [10])
    assert (answer.status, answer.read) == (507, 0)
    assert (await ask(path, [], 100, [10])).status == 401, "a stranger learns nothing of the disk"
    assert (await ask("/experiments/new/", [], 100, [10])).status == 200


async def test_a_browser_is_answered_by_a_page_and_a_program_by_json(owner: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "DISK_RESERVE", 2**60)
    browser = (b"accept", b"text/html,application/xhtml+xml,*/*;q=0.8")
    answer = await ask("/datasets/upload/", [browser, *await carrying("/datasets/upload/", owner)], 100, [10])
    page = answer.answers[1]["body"].decode()
    assert (answer.status, answer.headers[b"content-type"]) == (507, b"text/html; charset=utf-8")
    assert "<h1>This could not be done.</h1>" in page
    assert body_limits.NO_ROOM.replace("'", "&#x27;") in page
    large = await ask("/login/", [browser], LARGEST_OF_STRANGERS + 1, [LARGEST_OF_STRANGERS + 1])
    assert (large.status, large.headers[b"content-type"]) == (413, b"text/html; charset=utf-8")
    program = await ask("/api/v1/datasets", [browser, *await carrying("/api/v1/datasets", owner)], 100, [10])
    assert json.loads(program.answers[1]["body"])["errors"][0]["message"] == body_limits.NO_ROOM
