"""Files by what they are made of: each is made once, however many ask for it at the same time, and kept while there is room."""

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future

from webapp.charts.renderers import RENDERERS, asker


class Once:
    """Keeps the files that were asked for last, up to ``most`` bytes. What failed is not kept."""

    def __init__(self, most: int) -> None:
        self._most, self._bytes = most, 0
        self._lock = threading.Lock()
        self._kept: OrderedDict[str, bytes] = OrderedDict()
        self._under_way: dict[tuple[str, bool], Future[bytes]] = {}

    def get(self, sources: tuple[bytes, ...], make: Callable[[], bytes]) -> bytes:
        """The file made of ``sources`` by ``make``, whose exceptions it raises. TooMany: the asker waits for others already.

        Accounts do not wait for what a visitor has asked for: that may be last in a long queue.
        """
        digest = hashlib.sha256(b"".join(hashlib.sha256(one).digest() for one in sources)).hexdigest()
        key = digest, asker().visitor
        with self._lock:
            if digest in self._kept:
                self._kept.move_to_end(digest)
                return self._kept[digest]
        with RENDERERS.request():
            with self._lock:
                found = self._under_way.get(key)
                mine = self._under_way[key] = Future() if found is None else found
            return mine.result() if found else self._made(key, mine, make)

    def _made(self, key: tuple[str, bool], mine: "Future[bytes]", make: Callable[[], bytes]) -> bytes:
        try:
            made = make()
        except BaseException as error:
            mine.set_exception(error)
            raise
        else:
            self._keep(key[0], made)
            mine.set_result(made)
            return made
        finally:
            with self._lock:
                del self._under_way[key]

    def _keep(self, digest: str, made: bytes) -> None:
        with self._lock:
            self._bytes += len(made) - len(self._kept.pop(digest, b""))
            self._kept[digest] = made
            while self._bytes > self._most:
                _, old = self._kept.popitem(last=False)
                self._bytes -= len(old)

    def clear(self) -> None:
        with self._lock:
            self._kept.clear()
            self._bytes = 0
