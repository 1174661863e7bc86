"""Threads in which sockets read the database: of their own, so that they wait for no request and no other consumer.

Channels runs all database work of sockets in one thread of the process, which 200 sockets keep busy.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from channels.db import DatabaseSyncToAsync

Result = TypeVar("Result")

READERS = ThreadPoolExecutor(4, "live-reader")
"""For events, and for opening sockets."""

CHECKER = ThreadPoolExecutor(1, "live-checker")
"""For the check of all open sockets, which waits for no reader."""


def reading(function: Callable[..., Result], pool: ThreadPoolExecutor = READERS) -> Any:
    """``function`` as a coroutine function that runs in ``pool`` and leaves no connection open."""
    return DatabaseSyncToAsync(function, thread_sensitive=False, executor=pool)
