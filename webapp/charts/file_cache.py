"""A cache of files by the content they are made from: each is made once, even if several requests ask for it at the same time."""

import hashlib
import threading
from collections.abc import Callable
from concurrent.futures import Future

from webapp.charts.bounded_cache import BoundedCache
from webapp.charts.renderers import RENDERERS, asker


class FileCache:
    """The files that were requested last, up to ``most`` bytes. Failures are not stored."""

    def __init__(self, most: int) -> None:
        self._files: BoundedCache[bytes] = BoundedCache(most)
        self._lock = threading.Lock()
        self._under_way: dict[tuple[str, bool], Future[bytes]] = {}

    def get(self, sources: tuple[bytes, ...], make: Callable[[], bytes]) -> bytes:
        """Return the file that ``make`` makes from ``sources``.

        Raises the exceptions of ``make``, and TooMany if the requester waits for enough files already.
        Accounts never wait for a file that a visitor has requested, since that may be last in a long queue.
        """
        digest = hashlib.sha256(b"".join(hashlib.sha256(source).digest() for source in sources)).hexdigest()
        key = digest, asker().visitor
        if (file := self._files.get(digest)) is not None:
            return file
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
            self._files.put(key[0], made)
            future.set_result(made)
            return made
        finally:
            with self._lock:
                del self._under_way[key]

    def clear(self) -> None:
        self._files.clear()
