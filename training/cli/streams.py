"""The standard output of a command as JSON lines, and the signals that request a stop."""

import contextlib
import json
import os
import signal
import sys
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
