"""Who may send a large body, asked before any of it is read: an account, and for files a member, and not too often."""

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
from webapp.accounts.models import Scope
from webapp.accounts.tokens import holder

Headers = Iterable[tuple[bytes, bytes]]

API = "/api/"

UPLOADS_AT_ONCE = 2
"""Of one account in one web process."""

BUSY_SECONDS = 10


class Refusal(Exception):
    """Why a body is not read, with the HTTP status; ``retry`` in seconds where it is a matter of time."""

    def __init__(self, status: int, sentence: str, retry: int = 0) -> None:
        super().__init__(sentence)
        self.status, self.sentence, self.retry = status, sentence, retry


NO_TOKEN = "Send a valid token: Authorization: Bearer TOKEN."  # nosec B105 # an example
READ_ONLY = "This token may only read. Make one that may write too, on the page of your account."
BUSY = f"{UPLOADS_AT_ONCE} uploads of your account are under way. Wait until one has ended."


def sender(path: str, headers: Headers) -> tuple[User | AnonymousUser, bool]:
    """Whose token or session the request carries, and whether it may write: one that may only read is a token."""
    given = {name: value.decode("latin1") for name, value in headers if name in (b"authorization", b"cookie")}
    if path.startswith(API):
        kind, _, secret = given.get(b"authorization", "").partition(" ")
        token = holder(secret.strip()) if kind.lower() == "bearer" else None
        return (token.user, token.scope == Scope.WRITE) if token else (AnonymousUser(), False)
    request = HttpRequest()
    request.session = SessionStore(parse_cookie(given.get(b"cookie", "")).get(settings.SESSION_COOKIE_NAME))
    return get_user(request), True


def uploader(path: str, headers: Headers) -> User:
    """The member who may send a file now. Raises Refusal."""
    user, writes = sender(path, headers)
    if not isinstance(user, User) or not user.is_active:
        raise Refusal(401, NO_TOKEN if path.startswith(API) else REFUSALS[Access.VIEWER])
    if not writes:
        raise Refusal(403, READ_ONLY)
    if access_of(user) < Access.MEMBER:
        raise Refusal(403, REFUSALS[Access.MEMBER])
    _count(user)
    return user


def known(path: str, headers: Headers) -> bool:
    """Whether the request is that of an account."""
    return sender(path, headers)[0].is_authenticated


def _count(user: User) -> None:
    """Count one upload of the account. Raises Refusal; without Redis nothing is counted."""
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


_under_way: Counter[int] = Counter()
_lock = threading.Lock()


@contextmanager
def under_way(user: User) -> Iterator[None]:
    """One of the account's uploads, from its first byte to the answer. Raises Refusal where it has enough of them."""
    with _lock:
        if _under_way[user.pk] >= UPLOADS_AT_ONCE:
            raise Refusal(429, BUSY, BUSY_SECONDS)
        _under_way[user.pk] += 1
    try:
        yield
    finally:
        with _lock:
            _under_way[user.pk] -= 1
            if not _under_way[user.pk]:
                del _under_way[user.pk]
