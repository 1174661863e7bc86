"""Notifications through Redis: which runs have news, and that somebody may have lost access. They never carry the news itself."""

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


class Doorbell:
    """Rings best effort: without Redis the pages look at the database by themselves after some seconds."""

    def __init__(self, url: str) -> None:
        self._redis = Redis.from_url(url, socket_timeout=1, socket_connect_timeout=1)
        self._heard = True

    def publish(self, channel: str, text: str) -> None:
        try:
            self._redis.publish(channel, text)
            self._heard = True
        except RedisError as error:
            if self._heard:  # said once, not at every ring
                logger.warning("no doorbell: %s", error)
            self._heard = False


@cache
def _doorbell(url: str) -> Doorbell:
    return Doorbell(url)


def notify_viewers(run_ids: Iterable[int]) -> None:
    """Wakes whoever watches these runs; never fails."""
    _doorbell(settings.REDIS_URL).publish(CHANNEL, json.dumps(sorted(run_ids)))


def access_changed() -> None:
    """Make every web process check its open sockets, once what was changed is committed; never fails."""
    transaction.on_commit(lambda: _doorbell(settings.REDIS_URL).publish(ACCESS_CHANNEL, "{}"), robust=True)
