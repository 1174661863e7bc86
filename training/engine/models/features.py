"""Frozen features of texts: computed once for a model, its depth, a data set and a longest text, and mapped by every run."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, suppress
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import torch
from accelerate import Accelerator
from filelock import FileLock, Timeout
from torch import Tensor, nn

from training.engine.data.examples import Side
from training.engine.data.split import Rows
from training.engine.data.tokens import TRANSFORMER_BUDGET, cached_word_pieces
from training.engine.determinism import threads, transformer_threads
from training.engine.device_copies import read_behind, to_device
from training.engine.distributed import memory
from training.engine.errors import CorruptModel, Stopped
from training.engine.models import backbone, classifiers, model_files
from training.engine.models.feature_files import Features, locked, read, reserve
from training.engine.models.precision import precision_of
from training.engine.outputs.export import weights_of
from training.events import Event, Progress
from training.spec import RunSpec
from training.storage.artifacts import Store


def frozen_features(
    run: RunSpec,
    text: pa.ChunkedArray,
    side: Side,
    store: Store,
    emit: Callable[[Event], None],
    should_stop: Callable[[], bool],
    beside: Iterable[str] = (),
) -> Features:
    """Return pooled hidden states (rows, width) of every ``text``, read from the store or computed and stored there.

    The pass that computes them also stores those of the models ``beside``, which are the same model cut at other depths, unless
    they are there or another process computes them; they are equal to the bit to those of a pass of their own. Of two processes
    that need the same features, one computes and the other waits. Raises Stopped, CorruptModel.
    """
    path, shape = features_path(run, store, side), (len(text), backbone.shape(run).width)
    if (ready := read(store, path, shape)) is not None:
        return ready
    path.parent.mkdir(parents=True, exist_ok=True)
    with locked(path.with_suffix(".lock"), should_stop), ExitStack() as held:
        if (ready := read(store, path, shape)) is not None:
            return ready
        if store.checksums.has(path):
            store.checksums.quarantine(path)
        cuts = [run, *(cut for name in beside if (cut := _free(run, name, store, side, held)))]
        cuts.sort(key=lambda cut: backbone.shape(cut).layers or 0)
        with threads(transformer_threads()):
            _compute(cuts, text, side, store, [_partial(cut, store, side, held) for cut in cuts], emit, should_stop)
    computed = read(store, path, shape)
    assert computed is not None, f"{path} was just written"
    return computed


def _free(run: RunSpec, model: str, store: Store, side: Side, held: ExitStack) -> RunSpec | None:
    """Return ``run`` with another model, its lock held, where its features are missing and no other process computes them."""
    cut = run.model_copy(update={"model": model})
    path = features_path(cut, store, side)
    with suppress(Timeout):
        lock = FileLock(path.with_suffix(".lock"))
        held.enter_context(lock.acquire(timeout=0))
        return None if store.checksums.has(path) else cut
    return None


def _partial(run: RunSpec, store: Store, side: Side, held: ExitStack) -> Path:
    """Return a path whose content becomes the features of ``run`` when ``held`` ends without an error; it holds their lock."""
    path = features_path(run, store, side)
    for abandoned in path.parent.glob(f".{path.name}.*"):
        abandoned.unlink()  # left by a killed process: no other process writes while this one holds the lock
    return held.enter_context(store.writing(path))


def features_path(run: RunSpec, store: Store, side: Side = "a") -> Path:
    shape = backbone.shape(run)
    return store.features_file(run, shape.layers, shape.reading, precision_of(run), side)


def _transformer(run: RunSpec, store: Store) -> nn.Module:
    if run.features_of is None:
        return backbone.load(run)
    tuned = store.read_run(run.features_of)
    return classifiers.tuned_transformer(tuned, weights_of(tuned, store))


def _compute(
    cuts: Sequence[RunSpec],
    text: pa.ChunkedArray,
    side: Side,
    store: Store,
    paths: Sequence[Path],
    emit: Callable[[Event], None],
    should_stop: Callable[[], bool],
) -> None:
    """Write the features of a model cut at several depths, the deepest last, to ``paths``, in one pass."""
    run, device = cuts[-1], Accelerator().device
    model, shape, precision = _transformer(run, store).to(device), backbone.shape(run), precision_of(run)
    inputs = cached_word_pieces(run, text, side, backbone.tokenizer(run), store, should_stop)
    if device.type == "cpu":  # where the depth of a model decides how large its parts are
        inputs = replace(inputs, budget=TRANSFORMER_BUDGET)
    rows = np.arange(len(text))
    size = len(rows), shape.width
    files = [np.lib.format.open_memmap(path, mode="w+", dtype=np.float32, shape=size) for path in paths]
    for path in paths:
        reserve(path)
    layers = [backbone.last_layer(model, cut) for cut in cuts[:-1]]

    def pooled(part: Rows) -> list[Tensor]:
        if should_stop():
            raise Stopped
        ids, mask = (to_device(tensor, device) for tensor in inputs.batch(part))
        return backbone.pooled_after(layers, model, ids, mask, shape.reading, precision)

    done = 0
    with torch.inference_mode():
        for part, on_device in read_behind(_by_part(inputs.parts(rows), pooled)):
            vectors = [states.cpu() for states in on_device]
            if not all(torch.isfinite(states).all() for states in vectors):
                lower = "its numbers are too large for fp16: choose fp32 or bf16" if precision == "fp16" else "see its weights"
                raise CorruptModel(f"{model_files.public_name(run)} gives numbers that are not finite for some texts: {lower}.")
            for file, states in zip(files, vectors, strict=True):
                file[part] = states.numpy()
            done += len(part)
            emit(Progress(phase="features", done=done, total=len(rows)))
    for file in files:
        file.flush()


def _by_part(parts: list[Rows], compute: Callable[[Rows], list[Tensor]]) -> Iterator[tuple[Rows, list[Tensor]]]:
    """Yield each part with what is computed for it; a part for which memory runs out is halved."""
    left = parts[::-1]
    while left:
        part = left.pop()
        try:
            computed = compute(part)
        except RuntimeError as error:
            if not memory.ran_out(error) or len(part) == 1:
                raise
            left += np.array_split(part, 2)
            continue
        yield part, computed
