"""Requests that a Hub on loopback receives, and what is wrong with its answers to some of them."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from email.message import Message


@dataclass(frozen=True)
class Request:
    """A request as a server received it; ``server`` is "hub" or "storage"."""

    server: str
    method: str
    path: str
    headers: Message

    @property
    def token(self) -> str | None:
        return self.headers.get("Authorization")


@dataclass
class Fault:
    """A fault of the answers to some requests: another status, or a body that ends or waits after ``after`` bytes.

    It applies ``times`` times, to requests of ``server`` whose path contains ``path``. A body that waits, or a response that is
    ``silent`` altogether, goes on when ``goes_on`` is set; ``waiting`` is set before.
    """

    server: str = "hub"
    path: str = ""
    method: str = ""
    times: int = 1
    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    after: int | None = None
    cuts: bool = True
    silent: bool = False
    ranges: bool = True
    content: Callable[[bytes], bytes] = bytes
    waiting: threading.Event = field(default_factory=threading.Event)
    goes_on: threading.Event = field(default_factory=threading.Event)

    def applies(self, request: Request) -> bool:
        return (
            self.times > 0 and request.server == self.server and self.path in request.path and self.method in ("", request.method)
        )
