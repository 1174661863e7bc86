"""The start of a run: its checkpoint, the checkpoint of a longer run with the same first steps, or another run's weights."""

import logging
import shutil
from collections.abc import Callable
from typing import Protocol

import numpy as np
from torch import Tensor

from training.engine import checkpoint as checkpoints
from training.engine.checkpoint import Checkpoint
from training.engine.data.split import Rows
from training.engine.distributed.process_group import ProcessGroup
from training.engine.models import classifiers
from training.engine.outputs.export import weights_of
from training.engine.selection import Selection
from training.engine.targets.supervisor_labels import Evaluate
from training.events import Event
from training.spec import RunSpec
from training.storage.artifacts import Store
from training.storage.atomic import atomic
from training.storage.probabilities import Probabilities

log = logging.getLogger(__name__)


class Learner(Protocol):
    """A model in training, as the rest of a run sees it: the loop of a transformer, or a head."""

    def predict(self, rows: Rows) -> Probabilities:
        """Return the probabilities of each of ``rows``."""

    def weights(self) -> dict[str, Tensor]:
        """Return the trained tensors by name."""

    def load(self, weights: dict[str, Tensor], *, partly: bool = False) -> None:
        """Load weights by name: all trained ones, unless ``partly``."""

    def restore(self, state: Checkpoint) -> None:
        """Continue from a checkpoint."""


def checkpoint_of(run: RunSpec, store: Store, selection: Selection, process_group: ProcessGroup) -> Checkpoint | None:
    """Return the checkpoint from which ``run`` resumes, None for the beginning; a damaged one is moved aside."""
    path = store.checkpoint(run.key())
    if process_group.main:
        store.fetch_checkpoint(run.key())
    checkpoint = checkpoints.load(path)
    if checkpoint is None and process_group.main and path.exists():
        store.checksums.quarantine(path)
    if checkpoint and not selection.can_restore(checkpoint["selection"]):
        log.warning("The best weights that belong to the checkpoint %s are missing; training starts from the beginning.", path)
        checkpoint = None
    if checkpoint is None:
        selection.clear()
    return checkpoint


def copy_longer_run(run: RunSpec, stop_at: int, store: Store) -> None:
    """Copy the files of the longer run whose first steps these are; without them the steps are trained again."""
    key = run.model_copy(update={"stop_at": None}).key()
    whole, path = store.run(key), store.checkpoint(run.key())
    store.fetch_checkpoint(run.key())
    if path.exists():
        return
    store.fetch_checkpoint(key)
    checkpoint = checkpoints.load(whole / path.name)
    if checkpoint is None or checkpoint["step"] > stop_at:
        return
    for file in [*whole.glob("best-*.safetensors*"), whole / path.name]:  # the checkpoint refers to the others, so it comes last
        # With its checksum, that of the intended content: the copy of a damaged file is detected as damaged.
        with atomic(path.parent / file.name) as copy:
            shutil.copyfile(file, copy)


def emit_again(selection: Selection, evaluate: Evaluate, emit: Callable[[Event], None]) -> None:
    """Emit the longer run's recorded evaluations as events of this run, to whose trajectory they belong too."""
    for step, labels, validation in zip(selection.steps, selection.labels, selection.validation, strict=True):
        event = evaluate(step, labels, selection.full[:0])
        emit(event.model_copy(update={"validation_accuracy": None if np.isnan(validation) else float(validation)}))


def start_from(start: RunSpec, store: Store, learner: Learner, pairs: bool) -> None:
    """Load the weights of the finished run ``start`` into ``learner``. ``pairs``: the examples are pairs of texts."""
    learner.load(classifiers.starting_weights(start, weights_of(start, store), pairs), partly=start.reads)
