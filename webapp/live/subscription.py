"""A subscription to a channel of Redis, which is renewed whenever it is lost."""

import asyncio
import logging
from collections.abc import Callable

import redis.asyncio as aredis
from django.conf import settings
from redis import RedisError

logger = logging.getLogger(__name__)

PAUSE_SECONDS = 1.0
"""Before a lost subscription is renewed."""


async def listen(channel: str, receive: Callable[[bytes | None], None]) -> None:
    """Call ``receive`` with each message, and with None when the subscription begins, since some may have been lost before."""
    while True:
        try:
            # No socket timeout: a subscription is silent while nothing happens.
            async with (
                aredis.from_url(settings.REDIS_URL, socket_timeout=None, socket_connect_timeout=2) as client,
                client.pubsub(ignore_subscribe_messages=True) as subscription,
            ):
                await subscription.subscribe(channel)
                receive(None)
                async for message in subscription.listen():
                    receive(message["data"])
        except (RedisError, OSError) as error:
            logger.warning("no notifications of %s, pages read the database without them: %s", channel, error)
        await asyncio.sleep(PAUSE_SECONDS)
