"""The rate limit of the API, for each account over all its tokens, and for each address of requests without an account."""

import math
import threading
from urllib.parse import quote

from django.core.cache import caches
from django.core.cache.backends.base import BaseCache
from django.http import HttpRequest
from ninja.throttling import UserRateThrottle
from redis import RedisError

LIMITS = "limits"
"""The cache that all web processes share."""


class Rate(UserRateThrottle, threading.local):
    """A rate limit.

    The base class stores the state of a request on the object until ``wait`` is called, so each thread has its own.
    """

    @property
    def cache(self) -> BaseCache:  # type: ignore[override]
        return caches[LIMITS]

    def allow_request(self, request: HttpRequest) -> bool:
        """Count the request.

        It is allowed if the count cannot be reached: the API works without Redis, and the page shows the outage.
        """
        try:
            try:
                return super().allow_request(request)
            except (ValueError, TypeError, AttributeError, LookupError, RecursionError):
                self.cache.delete(self.key)  # a value of another program: start a new count
                return super().allow_request(request)
        except RedisError:
            return True


class WorkRate(Rate):
    """The limit of one worker: far above heartbeats and batches of events, which a limit for people would hold up."""

    def get_cache_key(self, request: HttpRequest) -> str:
        worker = request.path.removeprefix("/api/v1/work/").partition("/")[0]
        return f"throttle_worker_{request.token.pk}_{quote(worker[:200])}"  # type: ignore[attr-defined]


WORK_RATE = WorkRate("100/s")


def pause(wait: float | None) -> int:
    """Return the whole seconds until the next request is allowed."""
    return max(1, math.ceil(wait or 1))
