"""Permission to send a large body, checked before any of it is read: an account, for files a member, and within a rate."""

import threading
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from django.conf import settings
from django.contrib.auth import get_user
from django.contrib.auth.models import AnonymousUser, User
from django.contrib.sessions.backends.db import SessionStore
from django.core.cache import caches
from django.http import HttpRequest, parse_cookie
from ninja.throttling import UserRateThrottle
from redis import RedisError

from webapp.access import REFUSALS, Access, access_of
from webapp.accounts.models import Scope, Token
from webapp.accounts.tokens import holder

Headers = Iterable[tuple[bytes, bytes]]

API = "/api/"

UPLOADS_AT_ONCE = 2
"""Uploads of one account in one web process."""
WORKER_UPLOADS_AT_ONCE = 16
"""Uploads of the workers with one token in one web process."""

BUSY_SECONDS = 10


class Refusal(Exception):
    """The reason why a body is not read, with the HTTP status; ``retry`` is in seconds, for limits by time."""

    def __init__(self, status: int, sentence: str, retry: int = 0) -> None:
        super().__init__(sentence)
        self.status, self.sentence, self.retry = status, sentence, retry


NO_TOKEN = "Send a valid token: Authorization: Bearer TOKEN."  # nosec B105 # an example
READ_ONLY = "This token can only read. Make a token with read and write access on the page of your account."
NO_WORKER = "Only the token of a worker can do that."
BUSY = "{} uploads of your account are in progress. Wait until one has ended."


def sender(path: str, headers: Headers) -> tuple[User | AnonymousUser, bool]:
    """Return the account of the request's token or session, and whether it may write. False means a token that can only read."""
    given = {name: value.decode("latin1") for name, value in headers if name in (b"authorization", b"cookie")}
    if path.startswith(API):
        kind, _, secret = given.get(b"authorization", "").partition(" ")
        token = holder(secret.strip()) if kind.lower() == "bearer" else None
        return (token.user, token.scope == Scope.WRITE) if token else (AnonymousUser(), False)
    request = HttpRequest()
    request.session = SessionStore(parse_cookie(given.get(b"cookie", "")).get(settings.SESSION_COOKIE_NAME))
    return get_user(request), True


def uploader(path: str, headers: Headers) -> User:
    """Return the member who may send a file now. Raise Refusal."""
    user, writes = sender(path, headers)
    if not isinstance(user, User) or not user.is_active:
        raise Refusal(401, NO_TOKEN if path.startswith(API) else REFUSALS[Access.VIEWER])
    if not writes:
        raise Refusal(403, READ_ONLY)
    if access_of(user) < Access.MEMBER:
        raise Refusal(403, REFUSALS[Access.MEMBER])
    _count(user)
    return user


def worker_token(headers: Headers) -> Token:
    """Return the token of a worker that may send a file now. Raise Refusal."""
    kind, _, secret = dict(headers).get(b"authorization", b"").decode("latin1").partition(" ")
    token = holder(secret.strip()) if kind.lower() == "bearer" else None
    if token is None:
        raise Refusal(401, NO_TOKEN)
    if token.scope != Scope.WORKER or access_of(token.user) < Access.ADMIN:
        raise Refusal(403, NO_WORKER)
    return token


def known(path: str, headers: Headers) -> bool:
    """Return whether the request is from an account."""
    return sender(path, headers)[0].is_authenticated


def _count(user: User) -> None:
    """Count an upload of the account. Raise Refusal; without Redis nothing is counted."""
    rate = UserRateThrottle(settings.UPLOAD_RATE)
    most, seconds = rate.num_requests, rate.duration
    if most is None or seconds is None:
        return
    now = time.time()
    key = f"uploads:{user.pk}:{int(now // seconds)}"
    try:
        caches["limits"].add(key, 0, seconds)
        number = caches["limits"].incr(key)
    except (RedisError, ValueError):
        return
    if number > most:
        wait = max(1, round(seconds - now % seconds))
        raise Refusal(429, f"That is more than {most} uploads in {seconds} s. Try again in {wait} s.", wait)


_under_way: Counter[str] = Counter()
_lock = threading.Lock()


@contextmanager
def under_way(sender: str, most: int = UPLOADS_AT_ONCE) -> Iterator[None]:
    """Hold one of ``most`` upload slots of a sender, from the first byte to the answer. Raise Refusal if all are taken."""
    with _lock:
        if _under_way[sender] >= most:
            raise Refusal(429, BUSY.format(most), BUSY_SECONDS)
        _under_way[sender] += 1
    try:
        yield
    finally:
        with _lock:
            _under_way[sender] -= 1
            if not _under_way[sender]:
                del _under_way[sender]
