"""A cache of texts or files with a bounded size."""

import threading
from collections import OrderedDict
from typing import Generic, TypeVar

Content = TypeVar("Content", str, bytes)


class BoundedCache(Generic[Content]):
    """The values that were used last, up to ``most`` characters or bytes in all. Several threads may use it."""

    def __init__(self, most: int) -> None:
        self._most, self._size = most, 0
        self._lock = threading.Lock()
        self._values: OrderedDict[str, Content] = OrderedDict()

    def get(self, key: str) -> Content | None:
        with self._lock:
            if key in self._values:
                self._values.move_to_end(key)
            return self._values.get(key)

    def put(self, key: str, value: Content) -> None:
        """Store a value, and drop the least recently used ones beyond ``most``."""
        with self._lock:
            old = self._values.pop(key, None)
            self._size += len(value) - (0 if old is None else len(old))
            self._values[key] = value
            while self._size > self._most:
                _, dropped = self._values.popitem(last=False)
                self._size -= len(dropped)

    def clear(self) -> None:
        with self._lock:
            self._values.clear()
            self._size = 0
