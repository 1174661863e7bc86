"""A log of slow queries: their SQL without its values, and how long they took."""

import time
from collections.abc import Callable
from logging import getLogger
from typing import Any

from django.conf import settings
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created
from django.dispatch import receiver

from webapp.instruments import SLOW_QUERIES

logger = getLogger(__name__)

LONGEST = 1000
"""Characters of a query in the log."""


@receiver(connection_created)
def _watch(connection: BaseDatabaseWrapper, **_: Any) -> None:
    if settings.SLOW_QUERY_SECONDS and log_if_slow not in connection.execute_wrappers:
        connection.execute_wrappers.append(log_if_slow)


def log_if_slow(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: dict[str, Any]) -> Any:
    """Run a query, and log it if it took SLOW_QUERY_SECONDS."""
    begun = time.perf_counter()
    try:
        return execute(sql, params, many, context)
    finally:
        seconds = time.perf_counter() - begun
        if seconds >= settings.SLOW_QUERY_SECONDS:
            SLOW_QUERIES.inc()
            text = " ".join(sql.split())[:LONGEST]
            logger.warning("a query took %.3f s: %s", seconds, text, extra={"about": {"seconds": round(seconds, 3)}})
