"""The answers that a prompted model has written so far, in the checkpoint of its run."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from training.engine import loop
from training.engine.checkpoint import CheckpointFile
from training.engine.distributed.process_group import ProcessGroup
from training.engine.errors import Stopped
from training.engine.generation.decoding import Decoded
from training.events import CheckpointSaved, Event


class PromptedAnswers:
    """The answers ``done`` by an earlier attempt, None without one, and the keeping of further ones in the checkpoint ``file``.

    ``progress`` is called with all answers so far. A damaged checkpoint is replaced.
    """

    def __init__(
        self,
        file: CheckpointFile,
        process_group: ProcessGroup,
        emit: Callable[[Event], None],
        progress: Callable[[Decoded], None],
    ) -> None:
        self.file, self.process_group, self.emit, self.progress = file, process_group, emit, progress
        written = file.load_written()
        self.done = None if written is None else Decoded.restored(written)
        self.saved_at = time.monotonic()

    def keep(self, done: Decoded) -> None:
        """Take the answers so far, and save them where the last checkpoint is old."""
        self.done = done
        self.progress(done)
        if time.monotonic() - self.saved_at > loop.CHECKPOINT_SECONDS:
            self.save()

    @contextmanager
    def stoppable(self) -> Iterator[None]:
        """Save the answers where the block is stopped."""
        try:
            yield
        except Stopped:
            self.save()
            raise

    def save(self) -> None:
        if self.done is not None and self.process_group.main:
            self.file.save({"written": self.done.stored()})
            self.emit(CheckpointSaved(step=0))
        self.saved_at = time.monotonic()
