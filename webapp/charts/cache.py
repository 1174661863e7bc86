"""A cache of charts as JSON, by the content they are made from.

Making a chart takes some hundredths of a second to some tenths. A chart depends only on the arguments of the
function that makes it, so their content is the key: a new result has another key and never shows an old chart. The cache belongs
to one process, and so to one version of the code; pages and shares use the same cache.
"""

import hashlib
import json
from collections.abc import Callable
from dataclasses import fields, is_dataclass
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from pydantic import BaseModel

from webapp.charts.bounded_cache import BoundedCache

P = ParamSpec("P")
R = TypeVar("R")

MOST_BYTES = 2**25
"""Characters of JSON in the cache; the least recently used are dropped first."""


CHARTS: BoundedCache[str] = BoundedCache(MOST_BYTES)


def cached(make: Callable[P, R]) -> Callable[P, R]:
    """Return ``make``, a pure function from data to a spec, with a cache. Every call returns its own copy."""

    @wraps(make)
    def get(*args: P.args, **kwargs: P.kwargs) -> R:
        key = fingerprint(make, args, kwargs)
        text = CHARTS.get(key)
        if text is None:
            text = json.dumps(make(*args, **kwargs))
            CHARTS.put(key, text)
        spec: R = json.loads(text)
        return spec

    return get


def fingerprint(make: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> str:
    """Return the SHA-256 of the function's name and arguments. Raises TypeError if one has no JSON form."""
    # Keys are not sorted: the order of a mapping decides the order in a chart.
    text = json.dumps([make.__module__, make.__qualname__, args, kwargs], default=_plain)
    return hashlib.sha256(text.encode()).hexdigest()


def _plain(value: Any) -> Any:
    if isinstance(value, BaseModel):
        return [type(value).__name__, value.model_dump(mode="json")]
    if is_dataclass(value) and not isinstance(value, type):
        return [type(value).__name__, {field.name: getattr(value, field.name) for field in fields(value)}]
    raise TypeError(f"{type(value).__name__} cannot be part of a chart's key")
