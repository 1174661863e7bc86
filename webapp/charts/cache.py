"""Finished charts, kept as JSON by what they are made of.

Making a chart takes a tenth of a second to a second, nearly all of it Altair's validation. What a chart shows is decided by the
arguments of the function that makes it, so the key is their content: a new result is another key, never an old chart. The cache
belongs to one process, and so to one version of the code; pages and shares use the same.
"""

import hashlib
import json
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import fields, is_dataclass
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from pydantic import BaseModel

P = ParamSpec("P")
R = TypeVar("R")

MOST_BYTES = 2**25
"""Characters of JSON that are kept; those that were not asked for the longest go first."""


class ChartCache:
    def __init__(self, most: int) -> None:
        self._most, self._size = most, 0
        self._lock = threading.Lock()
        self._kept: OrderedDict[str, str] = OrderedDict()

    def get(self, key: str) -> str | None:
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
            return self._kept.get(key)

    def put(self, key: str, text: str) -> None:
        with self._lock:
            self._size += len(text) - len(self._kept.pop(key, ""))
            self._kept[key] = text
            while self._size > self._most:
                _, old = self._kept.popitem(last=False)
                self._size -= len(old)

    def clear(self) -> None:
        with self._lock:
            self._kept.clear()
            self._size = 0


CHARTS = ChartCache(MOST_BYTES)


def remembered(make: Callable[P, R]) -> Callable[P, R]:
    """``make``, a pure function from data to a spec of JSON values, made once for the same data. Every call has its own copy."""

    @wraps(make)
    def get(*args: P.args, **kwargs: P.kwargs) -> R:
        key = fingerprint(make, args, kwargs)
        text = CHARTS.get(key)
        if text is None:
            text = json.dumps(make(*args, **kwargs))
            CHARTS.put(key, text)
        found: R = json.loads(text)
        return found

    return get


def fingerprint(make: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> str:
    """SHA-256 of the function's name and all that it is called with. TypeError: something has no JSON."""
    # Not sorted: the order of a mapping decides the order in a chart.
    text = json.dumps([make.__module__, make.__qualname__, args, kwargs], default=_plain)
    return hashlib.sha256(text.encode()).hexdigest()


def _plain(value: Any) -> Any:
    if isinstance(value, BaseModel):
        return [type(value).__name__, value.model_dump(mode="json")]
    if is_dataclass(value) and not isinstance(value, type):
        return [type(value).__name__, {one.name: getattr(value, one.name) for one in fields(value)}]
    raise TypeError(f"{type(value).__name__} cannot be part of a chart's key")
