"""Notifications of web processes through Redis: which runs have new events, and that access may have ended.

They carry no events themselves.
"""

import json
import logging
from collections.abc import Iterable
from functools import cache

from django.conf import settings
from django.db import transaction
from redis import Redis, RedisError

logger = logging.getLogger(__name__)

CHANNEL = "w2s:news"
ACCESS_CHANNEL = "w2s:access"


class Publisher:
    """Publishes best effort: without Redis, pages read the database by themselves after some seconds."""

    def __init__(self, url: str) -> None:
        self._redis = Redis.from_url(url, socket_timeout=1, socket_connect_timeout=1)
        self._reached = True

    def publish(self, channel: str, text: str) -> None:
        try:
            self._redis.publish(channel, text)
            self._reached = True
        except RedisError as error:
            if self._reached:  # logged once, not for every notification
                logger.warning("no notifications: %s", error)
            self._reached = False


@cache
def _publisher(url: str) -> Publisher:
    return Publisher(url)


def notify_viewers(run_ids: Iterable[int]) -> None:
    """Notify the open pages of these runs; never fails."""
    _publisher(settings.REDIS_URL).publish(CHANNEL, json.dumps(sorted(run_ids)))


def access_changed() -> None:
    """Have every web process check its open sockets, after the commit; never fails."""
    transaction.on_commit(lambda: _publisher(settings.REDIS_URL).publish(ACCESS_CHANNEL, "{}"), robust=True)
