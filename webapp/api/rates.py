"""How often a person may ask: counted per account, whichever of its tokens asks, and per address where nobody is known."""

import math
import threading

from django.core.cache import caches
from django.core.cache.backends.base import BaseCache
from django.http import HttpRequest
from ninja.throttling import UserRateThrottle
from redis import RedisError

LIMITS = "limits"
"""The cache that all web processes share."""


class Rate(UserRateThrottle, threading.local):
    """Keeps what it found about a request on itself until ``wait`` is asked for, so each thread has its own."""

    @property
    def cache(self) -> BaseCache:  # type: ignore[override]
        return caches[LIMITS]

    def allow_request(self, request: HttpRequest) -> bool:
        """Where the count cannot be reached, everybody may ask: the API goes on without Redis, and the doorbell tells of it."""
        try:
            try:
                return super().allow_request(request)
            except (ValueError, TypeError, AttributeError, LookupError, RecursionError):
                self.cache.delete(self.key)  # somebody else wrote there: the count begins anew
                return super().allow_request(request)
        except RedisError:
            return True


def pause(wait: float | None) -> int:
    """Whole seconds until the next request is answered."""
    return max(1, math.ceil(wait or 1))
