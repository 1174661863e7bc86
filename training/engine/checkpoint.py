"""The checkpoint of an interrupted run: one file, written atomically, with a checksum of its content."""

import hashlib
import io
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, NotRequired, TypedDict

import torch
from torch import Tensor

from training.storage.artifacts import Store
from training.storage.atomic import atomic

log = logging.getLogger(__name__)


class SelectionState(TypedDict):
    """The evaluations so far, and the best step with its weights; those of a large model are in a file of their own."""

    steps: list[int]
    prob: list[Tensor]
    labels: NotRequired[list[Tensor]]
    full: NotRequired[Tensor]
    """All probabilities of the selected evaluation; absent in checkpoints of earlier versions, as ``labels`` is."""
    validation: list[float]
    best: int | None
    weights: dict[str, Tensor] | None


class Written(TypedDict):
    """Answers that the selected weights have written so far, the first ones in the order of decoding (``Decoded``)."""

    tokens: Tensor
    log_probability: Tensor


class Checkpoint(TypedDict):
    """The state of a training. It has no random state: the order of the data is a function of seed and epoch."""

    step: int
    evaluated: int
    """The last step that was evaluated, -1 for none."""
    loss_sum: float
    """Sum of the loss in nats since the last logged metric, over ``loss_count`` examples."""
    loss_count: int
    losses: NotRequired[Tensor]
    """The loss of each step since the last logged metric; absent in checkpoints of earlier versions."""
    model: dict[str, Tensor]
    optimiser: dict[str, object]
    scaler: NotRequired[dict[str, object]]
    """State of the loss scaler in fp16; empty for other formats."""
    halvings: NotRequired[int]
    """Number of times that memory ran out and parts were halved."""
    recent: NotRequired[Tensor]
    """The last predictions of training, as many as the method reads."""
    written: NotRequired[Written]
    selection: SelectionState


class _Hashed(io.RawIOBase):
    """A file that is written and hashed at once, so that its content is in memory only once."""

    def __init__(self, file: IO[bytes]) -> None:
        self.file, self.sha256 = file, hashlib.sha256()

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self.sha256.update(data)
        return self.file.write(data)


class PromptedCheckpoint(TypedDict):
    """The state of a prompted model, which trains nothing: the answers that it has written so far."""

    written: Written


def save(path: Path, checkpoint: Checkpoint | PromptedCheckpoint) -> None:
    """Write the checkpoint after the SHA-256 of its content: torch itself reads a damaged tensor without an error."""
    with atomic(path) as partial, partial.open("wb") as file:
        content = _Hashed(file)
        file.write(bytes(content.sha256.digest_size))
        torch.save(dict(checkpoint), content)  # type: ignore[arg-type]
        file.seek(0)
        file.write(content.sha256.digest())


@dataclass(frozen=True)
class CheckpointFile:
    """The checkpoint of the run ``key``, saved for every machine that has the store."""

    store: Store
    key: str

    def save(self, checkpoint: Checkpoint | PromptedCheckpoint) -> None:
        save(self.store.checkpoint(self.key), checkpoint)
        self.store.publish_checkpoint(self.key)

    def load_written(self) -> Written | None:
        """Return the answers in the checkpoint of a prompted model, None where ``load`` returns None."""
        checkpoint: PromptedCheckpoint | None = _load(self.store.checkpoint(self.key))
        return checkpoint["written"] if checkpoint else None


def load(path: Path) -> Checkpoint | None:
    """Return the checkpoint at ``path``, None without one; a damaged one is ignored with a warning in the log."""
    checkpoint: Checkpoint | None = _load(path)
    return checkpoint


def _load(path: Path) -> Any:
    try:
        raw = path.read_bytes()
    except FileNotFoundError:
        return None
    digest, content = raw[:32], memoryview(raw)[32:]
    if hashlib.sha256(content).digest() != digest:
        log.warning("The checkpoint %s is damaged; the run starts from the beginning.", path)
        return None
    return torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
