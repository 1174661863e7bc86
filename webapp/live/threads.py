"""Threads in which sockets read the database, so that they wait for no request and no other consumer.

Channels runs all database work of sockets in one thread of the process, which 200 sockets keep busy.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from channels.db import DatabaseSyncToAsync

Result = TypeVar("Result")

READERS = ThreadPoolExecutor(4, "live-reader")
"""Read events, and open sockets."""

CHECKER = ThreadPoolExecutor(1, "live-checker")
"""Checks all open sockets, and thus does not wait for readers."""


def reading(function: Callable[..., Result], pool: ThreadPoolExecutor = READERS) -> Any:
    """Return ``function`` as a coroutine function that runs in ``pool`` and leaves no connection open."""
    return DatabaseSyncToAsync(function, thread_sensitive=False, executor=pool)
