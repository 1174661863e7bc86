"""The standard output of a command as JSON lines, the requests on its standard input, and the signals that request a stop."""

import contextlib
import json
import os
import select
import signal
import sys
import time
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any


@contextlib.contextmanager
def text_lines() -> Iterator[Callable[[str], None]]:
    """Yield a function that writes one line to stdout; anything that libraries print goes to stderr."""
    sys.stdout.flush()
    with os.fdopen(os.dup(1), "w", buffering=1) as lines:
        os.dup2(2, 1)

        def write(line: str) -> None:
            lines.write(f"{line}\n")

        try:
            yield write
        finally:
            os.dup2(lines.fileno(), 1)


@contextlib.contextmanager
def json_lines() -> Iterator[Callable[[dict[str, Any]], None]]:
    """Yield a function that writes one JSON object as a line of ``text_lines``."""
    with text_lines() as write:
        yield lambda content: write(json.dumps(content, ensure_ascii=False, separators=(",", ":")))


@contextlib.contextmanager
def stop_requests() -> Iterator[Callable[[], bool]]:
    """Yield a predicate that is true once SIGTERM or SIGINT was received."""
    requested = False

    def on_signal(signum: int, frame: FrameType | None) -> None:
        nonlocal requested
        requested = True

    before = {number: signal.signal(number, on_signal) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield lambda: requested
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class Requests:
    """The input of a trainer at ``descriptor``: JSON documents, and after an empty line the keys of runs to stop, one a line."""

    EVERY = 0.05
    """Seconds between two looks at the input."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor, self._open = descriptor, True
        self._text = b""
        self._keys = set[str]()
        self._look_at = 0.0

    def documents(self) -> list[str]:
        """Return the documents, each as its text; a text that is no JSON is one document."""
        while self._open and b"\n\n" not in self._text:
            self._read()
        head, _, self._text = self._text.partition(b"\n\n")
        text, documents = head.decode().strip(), list[str]()
        while text:
            try:
                _, end = json.JSONDecoder().raw_decode(text)
            except ValueError:
                end = len(text)
            documents.append(text[:end])
            text = text[end:].lstrip()
        return documents or [""]

    def named(self, key: str) -> bool:
        """Return whether the run with this key was named by now. It is called very often."""
        if self._open and time.monotonic() >= self._look_at:
            while self._open and select.select([self._descriptor], [], [], 0)[0]:
                self._read()
            *lines, self._text = self._text.split(b"\n")
            self._keys.update(line.decode() for line in lines)
            self._look_at = time.monotonic() + self.EVERY
        return key in self._keys

    def _read(self) -> None:
        more = os.read(self._descriptor, 2**16)
        self._text += more
        self._open = bool(more)
