"""The laboratory's own API as a store, for a worker that reaches the laboratory by HTTPS alone."""

import ipaddress
import logging
import os
import random
import ssl
import time
import urllib.parse
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

import httpx2

from training import environment
from training.environment import SettingError
from training.storage.atomic import atomic
from training.storage.checksums import SUFFIX, digest
from training.storage.remote import StoreUnreachable

T = TypeVar("T")

logging.getLogger("httpx2").setLevel(logging.WARNING)  # no line for each request in the log of a run

TIMEOUT = httpx2.Timeout(15.0, connect=5.0)
"""Seconds to wait for a connection, and for each piece of a request or a response."""
PATIENCE_SECONDS = 60.0
"""The time for which a request for a file is repeated while the laboratory does not answer."""
LONGEST_PAUSE_SECONDS = 5.0
PIECE = 2**20
BUSY = frozenset({408, 429, 500, 502, 503, 504})
"""Answers after which a request is repeated: of the laboratory under load, or of a proxy without it."""
SHARED = ("features/", "tokens/")


class NotAnswering(Exception):
    """No connection, or no answer of the laboratory itself. What was requested may have been done."""


class Refused(Exception):
    """The laboratory refuses a request, with a ``status``. The message is its sentence."""

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status


def checked(url: str) -> str:
    """Return an address of the laboratory without a slash at its end. Raises SettingError for one that is not encrypted."""
    parts = urllib.parse.urlsplit(url)
    if parts.scheme == "https" and parts.hostname:
        return url.rstrip("/")
    if parts.scheme == "http" and _is_loopback(parts.hostname or ""):
        return url.rstrip("/")
    raise SettingError("The address of the laboratory must begin with https://, or with http:// on this machine alone.")


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


class Connection:
    """Requests below the address ``url`` with the token in W2S_TOKEN, over connections of this process that stay open.

    The certificate is verified, also with the authorities in the file W2S_CA_FILE.
    """

    def __init__(self, url: str) -> None:
        context = ssl.create_default_context()
        if authorities := environment.text("W2S_CA_FILE"):
            try:
                context.load_verify_locations(cafile=authorities)
            except OSError as error:
                raise SettingError(f"W2S_CA_FILE names a file that holds no certificates: {error.strerror or error}.") from None
        headers = {"Authorization": f"Bearer {environment.text('W2S_TOKEN')}"}
        self._http = httpx2.Client(base_url=checked(url), headers=headers, timeout=TIMEOUT, verify=context)

    def request(self, method: str, path: str, **options: Any) -> httpx2.Response:
        """Return a good response. Raises NotAnswering, Refused."""
        with _answering():
            return _good(self._http.request(method, path, **options))

    @contextmanager
    def stream(self, path: str) -> Iterator[httpx2.Response]:
        """Yield a good response to GET whose content is read in pieces. Raises NotAnswering, Refused."""
        with _answering(), self._http.stream("GET", path) as response:
            if response.is_error:
                response.read()
            yield _good(response)


@contextmanager
def _answering() -> Iterator[None]:
    try:
        yield
    except (httpx2.TransportError, httpx2.DecodingError) as error:
        raise NotAnswering(f"{type(error).__name__}: {error}") from None


def _good(response: httpx2.Response) -> httpx2.Response:
    if response.status_code in BUSY:
        raise NotAnswering(f"the answer has status {response.status_code}")
    if not response.is_success:
        raise Refused(response.status_code, _sentence(response))
    return response


def _sentence(response: httpx2.Response) -> str:
    try:
        return "; ".join(error["message"] for error in response.json()["errors"])
    except (ValueError, LookupError, TypeError):
        return f"The answer has status {response.status_code} and is none of a laboratory."


_connections: dict[tuple[str, int], Connection] = {}
"""Connections by address and process: a forked child cannot use those of its parent."""


class HttpsRemote:
    """The files of the artifact store that one worker may read and write: ``https://HOST/api/v1/work/WORKER``."""

    def __init__(self, url: str) -> None:
        self.url = checked(url)

    def size(self, name: str) -> int | None:
        with suppress(FileNotFoundError), _reaching(name):
            response = patiently(lambda: self._connection.request("HEAD", _path(name)))
            return int(response.headers["Content-Length"])
        return None

    def names(self, prefix: str) -> Iterator[str]:
        query = urllib.parse.urlencode({"prefix": prefix})
        with _reaching(prefix):
            yield from patiently(lambda: self._connection.request("GET", f"files?{query}")).json()["names"]

    def read(self, name: str, begin: int = 0, length: int | None = None) -> bytes:
        headers = {} if length is None else {"Range": f"bytes={begin}-{begin + length - 1}"}
        with _reaching(name):
            response = patiently(lambda: self._connection.request("GET", _path(name), headers=headers))
        content: bytes = response.content
        return content if response.status_code == httpx2.codes.PARTIAL_CONTENT else content[begin:][:length]

    def download(self, name: str, target: Path) -> None:
        def receive() -> None:
            with atomic(target) as path, path.open("wb") as file, self._connection.stream(_path(name)) as response:
                for piece in response.iter_bytes(PIECE):
                    file.write(piece)

        with _reaching(name):
            patiently(receive)

    def upload(self, source: Path, name: str) -> None:
        """Make the content of ``source`` the file ``name``; a file that all runs share is left as it is where it exists."""
        if name.startswith(SHARED) and not name.endswith(SUFFIX) and self.size(name) is not None:
            return
        headers = {"X-Content-SHA256": digest(source)}

        def send() -> None:
            with source.open("rb") as file, _left_alone(name):
                self._connection.request("PUT", _path(name), content=file, headers=headers)

        with _reaching(name):
            patiently(send)

    def remove(self, name: str) -> None:
        """Delete a file; one that all runs share is left where it is undamaged."""

        def send() -> None:
            with _left_alone(name):
                self._connection.request("DELETE", _path(name))

        with suppress(FileNotFoundError), _reaching(name):
            patiently(send)

    @property
    def _connection(self) -> Connection:
        key = self.url, os.getpid()
        if key not in _connections:
            _connections[key] = Connection(self.url)
        return _connections[key]


def _path(name: str) -> str:
    return f"files/{urllib.parse.quote(name)}"


def patiently(work: Callable[[], T]) -> T:
    """Return the result of ``work``, which is repeated for a minute while the laboratory does not answer."""
    until, pause = time.monotonic() + PATIENCE_SECONDS, 0.2
    while True:
        try:
            return work()
        except NotAnswering:
            if time.monotonic() + pause > until:
                raise
        time.sleep(pause * random.uniform(0.5, 1))  # nosec B311 # no secret
        pause = min(2 * pause, LONGEST_PAUSE_SECONDS)


@contextmanager
def _left_alone(name: str) -> Iterator[None]:
    """Suppress the answer that another worker's file of this name stays."""
    try:
        yield
    except Refused as error:
        if not (name.startswith(SHARED) and error.status == httpx2.codes.CONFLICT):
            raise


@contextmanager
def _reaching(name: str) -> Iterator[None]:
    """Raise FileNotFoundError for a missing file, and StoreUnreachable for every other failure of a request."""
    try:
        yield
    except Refused as error:
        if error.status == httpx2.codes.NOT_FOUND:
            raise FileNotFoundError(2, "The laboratory has no such file", name) from None
        raise StoreUnreachable(f"The laboratory refuses the file {name}: {error}") from None
    except NotAnswering as error:
        raise StoreUnreachable(f"The laboratory cannot be reached: {error}.") from None
