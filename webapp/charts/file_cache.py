"""A cache of files by the content they are made from: each is made once, even if several requests ask for it at the same time."""

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future

from webapp.charts.renderers import RENDERERS, asker


class FileCache:
    """The files that were requested last, up to ``most`` bytes. Failures are not stored."""

    def __init__(self, most: int) -> None:
        self._most, self._bytes = most, 0
        self._lock = threading.Lock()
        self._kept: OrderedDict[str, bytes] = OrderedDict()
        self._under_way: dict[tuple[str, bool], Future[bytes]] = {}

    def get(self, sources: tuple[bytes, ...], make: Callable[[], bytes]) -> bytes:
        """Return the file that ``make`` makes from ``sources``.

        Raises the exceptions of ``make``, and TooMany if the requester waits for enough files already.
        Accounts never wait for a file that a visitor has requested, since that may be last in a long queue.
        """
        digest = hashlib.sha256(b"".join(hashlib.sha256(source).digest() for source in sources)).hexdigest()
        key = digest, asker().visitor
        with self._lock:
            if digest in self._kept:
                self._kept.move_to_end(digest)
                return self._kept[digest]
        with RENDERERS.request():
            with self._lock:
                running = self._under_way.get(key)
                future = self._under_way[key] = Future() if running is None else running
            return future.result() if running else self._made(key, future, make)

    def _made(self, key: tuple[str, bool], future: "Future[bytes]", make: Callable[[], bytes]) -> bytes:
        try:
            made = make()
        except BaseException as error:
            future.set_exception(error)
            raise
        else:
            self._keep(key[0], made)
            future.set_result(made)
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
