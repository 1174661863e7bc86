"""The doorbell: tells every web process which runs have news, and never carries the news itself."""

import json
import logging
from collections.abc import Iterable
from functools import cache

from django.conf import settings
from redis import Redis, RedisError

logger = logging.getLogger(__name__)

CHANNEL = "w2s:news"


class Doorbell:
    """Rings best effort: without Redis the pages look at the database by themselves after some seconds."""

    def __init__(self, url: str) -> None:
        self._redis = Redis.from_url(url, socket_timeout=1, socket_connect_timeout=1)
        self._heard = True

    def ring(self, run_ids: Iterable[int]) -> None:
        try:
            self._redis.publish(CHANNEL, json.dumps(sorted(run_ids)))
            self._heard = True
        except RedisError as error:
            if self._heard:  # said once, not at every ring
                logger.warning("no doorbell: %s", error)
            self._heard = False


@cache
def _doorbell(url: str) -> Doorbell:
    return Doorbell(url)


def nudge(run_ids: Iterable[int]) -> None:
    """Wakes whoever watches these runs; never fails."""
    _doorbell(settings.REDIS_URL).ring(run_ids)
