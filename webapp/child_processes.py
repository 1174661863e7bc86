"""Child processes that are watched: each in a process group of its own, with its output read as messages, stopped as a group."""

import contextlib
import logging
import os
import queue
import resource
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Generic, TypeVar

from django.conf import settings
from pydantic import TypeAdapter, ValidationError

from training.fork_server import die_with_parent

logger = logging.getLogger(__name__)

Message = TypeVar("Message")

STOP_GRACE_SECONDS = 4.0
"""Seconds between the signal to end and the kill of the whole process group."""


class ProcessGroup(Generic[Message]):
    """A process with its descendants. ``output`` is read in a thread, a JSON message a line."""

    def __init__(self, output: IO[bytes], messages: TypeAdapter[Message], most: int = 0) -> None:
        self._output = output
        self._adapter = messages
        self._messages: queue.Queue[Message | None] = queue.Queue(maxsize=most)
        self._kill_at: float | None = None
        self._reader = threading.Thread(target=self._read, daemon=True)

    @property
    def group(self) -> int:
        """The id of the process group."""
        raise NotImplementedError

    def _read(self) -> None:
        with self._output as output:
            for line in output:
                try:
                    self._messages.put(self._adapter.validate_json(line))
                except ValidationError as error:
                    self.refuse(line, error)
        self._messages.put(None)

    def refuse(self, line: bytes, error: ValidationError) -> None:
        """Log a line of output that is not a message."""
        logger.warning("not a message: %r", line)

    def next_message(self, timeout: float) -> Message | None:
        """Return the next message, None at the end of the output. Raises queue.Empty where none came in time."""
        return self._messages.get(timeout=timeout)

    def stop(self) -> None:
        """Ask the process to end; when called again after the grace period, kill the whole group."""
        if self._kill_at is None:
            self._kill_at = time.monotonic() + STOP_GRACE_SECONDS
            self._signal(signal.SIGTERM)
        elif time.monotonic() > self._kill_at:
            self._signal(signal.SIGKILL)

    @property
    def stopping(self) -> bool:
        """True after the signal to end."""
        return self._kill_at is not None

    def kill(self) -> None:
        self._signal(signal.SIGKILL)

    def _signal(self, sig: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.group, sig)


class Child(ProcessGroup[Message]):
    """A running Python program. ``memory`` limits its data segment in bytes; its error output is added to ``log``."""

    def __init__(
        self,
        arguments: Sequence[str],
        messages: TypeAdapter[Message],
        log: Path,
        *,
        memory: int | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        log.parent.mkdir(parents=True, exist_ok=True)

        def limit() -> None:
            die_with_parent(signal.SIGTERM)
            if memory is not None:
                resource.setrlimit(resource.RLIMIT_DATA, (memory, memory))

        with log.open("ab") as errors:
            self.process = subprocess.Popen(
                [sys.executable, *arguments],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=errors,
                start_new_session=True,
                preexec_fn=limit,
                cwd=settings.BASE_DIR,
                env=os.environ | (environment or {}),
            )
        self.started = time.monotonic()
        assert self.process.stdout
        super().__init__(self.process.stdout, messages)
        self._reader.start()

    @property
    def group(self) -> int:
        return self.process.pid

    @property
    def seconds(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self.started

    def all_messages(self, seconds: float) -> list[Message]:
        """Return the messages of a child that ends within ``seconds`` of its start. Raises TimeoutError, and kills the child."""
        messages: list[Message] = []
        try:
            while (message := self.next_message(max(0.0, seconds - self.seconds))) is not None:
                messages.append(message)
            self.process.wait(max(0.0, seconds - self.seconds))
        except (queue.Empty, subprocess.TimeoutExpired):
            raise TimeoutError from None
        finally:
            self.kill()
            self.process.wait()
        return messages
