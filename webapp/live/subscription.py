"""One subscription to a channel of Redis, which is made again for as long as somebody needs it."""

import asyncio
import logging
from collections.abc import Callable

import redis.asyncio as aredis
from django.conf import settings
from redis import RedisError

logger = logging.getLogger(__name__)

PAUSE_SECONDS = 1.0
"""Before a lost subscription is made again."""


async def listen(channel: str, heard: Callable[[bytes | None], None]) -> None:
    """Call ``heard`` with each message, and with None whenever the subscription stands, since some may have been lost before."""
    while True:
        try:
            # No socket timeout: a subscription is silent for as long as nothing happens.
            async with (
                aredis.from_url(settings.REDIS_URL, socket_timeout=None, socket_connect_timeout=2) as client,
                client.pubsub(ignore_subscribe_messages=True) as subscription,
            ):
                await subscription.subscribe(channel)
                heard(None)
                async for message in subscription.listen():
                    heard(message["data"])
        except (RedisError, OSError) as error:
            logger.warning("no notifications of %s, the database is read without them: %s", channel, error)
        await asyncio.sleep(PAUSE_SECONDS)
