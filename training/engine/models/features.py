"""Frozen features: computed once for a model, its depth, a data set and a longest text, and memory-mapped by every run."""

import logging
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import torch
from accelerate import Accelerator
from filelock import FileLock, Timeout
from torch import nn

from training.engine.data.examples import Side
from training.engine.data.tokens import cached_word_pieces
from training.engine.determinism import threads, transformer_threads
from training.engine.distributed import memory
from training.engine.errors import CorruptModel, Stopped
from training.engine.models import backbone, classifiers, model_files
from training.engine.models.precision import precision_of
from training.engine.outputs.export import weights_of
from training.events import Event, Progress
from training.spec import RunSpec
from training.storage.artifacts import Store
from training.storage.checksums import DamagedArtifact

log = logging.getLogger(__name__)

Features = npt.NDArray[np.float32]


def frozen_features(
    run: RunSpec,
    text: pa.ChunkedArray,
    side: Side,
    store: Store,
    emit: Callable[[Event], None],
    should_stop: Callable[[], bool],
) -> Features:
    """Return pooled hidden states (rows, width) of every ``text``, read from the store or computed and stored there.

    Of two processes that need the same features, one computes and the other waits. Raises Stopped, CorruptModel.
    """
    path, shape = features_path(run, store, side), (len(text), backbone.shape(run).width)
    if (ready := _read(store, path, shape)) is not None:
        return ready
    path.parent.mkdir(parents=True, exist_ok=True)
    with _locked(path.with_suffix(".lock"), should_stop):
        if (ready := _read(store, path, shape)) is not None:
            return ready
        if path.exists():
            store.checksums.quarantine(path)
        for abandoned in path.parent.glob(f".{path.name}.*"):
            abandoned.unlink()  # left by a killed process: no other process writes while this one holds the lock
        with store.writing(path) as partial, threads(transformer_threads()):
            _compute(run, text, side, store, partial, emit, should_stop)
    computed = _read(store, path, shape)
    assert computed is not None, f"{path} was just written"
    return computed


def features_path(run: RunSpec, store: Store, side: Side = "a") -> Path:
    shape = backbone.shape(run)
    return store.features_file(run, shape.layers, shape.reading, precision_of(run), side)


def _read(store: Store, path: Path, shape: tuple[int, int]) -> Features | None:
    """Return the stored features; None where they are missing or damaged."""
    try:
        store.checksums.verify(path, again=True)
        features: Features = np.load(path, mmap_mode="r", allow_pickle=False)
    except FileNotFoundError:
        return None
    except (ValueError, EOFError, DamagedArtifact):
        features = np.empty((0, 0), np.float32)
    if features.shape != shape or features.dtype != np.float32:
        log.warning("The features %s are damaged and will be computed again.", path)
        return None
    return features


class _locked:  # noqa: N801 - read as a verb: with _locked(path, should_stop)
    """A lock between processes that can be stopped while it waits."""

    def __init__(self, path: Path, should_stop: Callable[[], bool]) -> None:
        self.lock, self.should_stop = FileLock(path), should_stop

    def __enter__(self) -> None:
        while True:
            if self.should_stop():
                raise Stopped
            try:
                self.lock.acquire(timeout=0.2)
            except Timeout:
                continue
            return

    def __exit__(self, *_: object) -> None:
        self.lock.release()


def _reserve(path: Path) -> None:
    """Allocate the whole file now: a full disk is an OSError here, but a later write into the map would kill the process."""
    if hasattr(os, "posix_fallocate"):  # macOS has none
        with path.open("r+b") as file:
            os.posix_fallocate(file.fileno(), 0, path.stat().st_size)


def _transformer(run: RunSpec, store: Store) -> nn.Module:
    if run.features_of is None:
        return backbone.load(run)
    tuned = store.read_run(run.features_of)
    return classifiers.tuned_transformer(tuned, weights_of(tuned, store))


def _compute(
    run: RunSpec,
    text: pa.ChunkedArray,
    side: Side,
    store: Store,
    path: Path,
    emit: Callable[[Event], None],
    should_stop: Callable[[], bool],
) -> None:
    device, precision = Accelerator().device, precision_of(run)
    model, shape = _transformer(run, store).to(device), backbone.shape(run)
    inputs = cached_word_pieces(run, text, side, backbone.tokenizer(run), store, should_stop)
    rows = np.arange(len(text))
    features = np.lib.format.open_memmap(path, mode="w+", dtype=np.float32, shape=(len(rows), shape.width))
    _reserve(path)
    done = 0
    with torch.inference_mode():
        parts = inputs.parts(rows)[::-1]
        while parts:
            part = parts.pop()
            if should_stop():
                raise Stopped
            try:
                ids, mask = (tensor.to(device) for tensor in inputs.batch(part))
                vectors = backbone.pooled(model, ids, mask, shape.reading, precision).cpu()
            except RuntimeError as error:
                if not memory.ran_out(error) or len(part) == 1:
                    raise
                parts += np.array_split(part, 2)
                continue
            if not torch.isfinite(vectors).all():
                lower = "its numbers are too large for fp16: choose fp32 or bf16" if precision == "fp16" else "see its weights"
                raise CorruptModel(f"{model_files.public_name(run)} gives numbers that are not finite for some texts: {lower}.")
            features[part] = vectors.numpy()
            done += len(part)
            emit(Progress(phase="features", done=done, total=len(rows)))
    features.flush()
