"""The story of one run: data -> labels -> train -> predict -> save."""

import logging
import time
from collections.abc import Callable
from importlib.metadata import version
from platform import python_version

import numpy as np
import torch
from accelerate import Accelerator
from safetensors.torch import save_file

from training.artifacts import Predictions, Store, atomic
from training.engine import backbone, checkpoint, models
from training.engine.data.examples import Examples, load_examples
from training.engine.data.split import Rows, split_for
from training.engine.data.tokens import cached_word_pieces, words
from training.engine.determinism import HEAD_THREADS, TRANSFORMER_THREADS, make_deterministic, threads
from training.engine.errors import EngineError, Stopped
from training.engine.features import frozen_features
from training.engine.inputs import Dense, Inputs, Ragged
from training.engine.labels import Probabilities, evaluator, read_supervisor, targets
from training.engine.loop import Loop
from training.engine.precision import precision_of
from training.engine.schedule import steps_per_epoch
from training.events import CheckpointSaved, Event, RunFinished, RunStarted, RunStopped
from training.spec import ENGINE_VERSION, RunSpec

log = logging.getLogger(__name__)

EVALUATIONS = 50
FULL_EVALUATION_SHARE = 0.1
"""Evaluations of a fully tuned model may cost this share of its training, if there are two; a probe's cost next to nothing."""


def execute(run: RunSpec, store: Store, emit: Callable[[Event], None], should_stop: Callable[[], bool]) -> None:
    """Trains ``run`` and leaves its predictions and weights in ``store``, or a checkpoint once ``should_stop`` is true.

    The last event is RunFinished or RunStopped. A run that has already finished is only reported again. Raises EngineError,
    with a sentence for a person, and whatever else went wrong.
    """
    begun, key = time.monotonic(), run.key()
    if run.engine != ENGINE_VERSION:
        raise EngineError(f"The run was planned for version {run.engine} of the engine, and this is version {ENGINE_VERSION}.")
    saved = 0

    def watch(event: Event) -> None:
        nonlocal saved
        if isinstance(event, RunStarted):
            saved = event.resumed_from
        elif isinstance(event, CheckpointSaved):
            saved = event.step
        emit(event)

    if not store.finished(key):
        try:
            _train(run, store, watch, should_stop)
        except Stopped:
            emit(RunStopped(step=saved))
            return
    store.checkpoint(key).unlink(missing_ok=True)
    accuracy = float(store.read_predictions(key).part("test").right.mean())
    emit(RunFinished(accuracy=accuracy, seconds=time.monotonic() - begun))


def _train(run: RunSpec, store: Store, emit: Callable[[Event], None], should_stop: Callable[[], bool]) -> None:
    make_deterministic(run.seed)
    examples = load_examples(run.dataset, run.fingerprint)
    split = split_for(run, examples.group)
    rows, test = split.half(run.half), split.test
    supervisor = read_supervisor(run, store)
    labels, evaluate = targets(examples, rows, supervisor), evaluator(examples, test, supervisor)
    _report(examples, {f"half {run.half}": rows, "test": test})
    begun = checkpoint.load(store.checkpoint(run.key()))
    emit(_started(run, len(rows), begun["step"] if begun else 0))

    inputs = _inputs(run, examples, store, emit, should_stop)
    with threads(TRANSFORMER_THREADS if run.tunes_backbone else HEAD_THREADS):
        model = models.build(run, inputs.used(rows) if isinstance(inputs, Ragged) else None)
        loop = Loop(run, model, inputs, rows, labels, store.checkpoint(run.key()), emit, should_stop)
        if begun:
            loop.restore(begun)
        tested: dict[int, Probabilities] = {}

        def look(step: int) -> Event:
            tested[step] = loop.predict(test)
            return evaluate(step, tested[step])

        with loop.stoppable():
            loop.fit(look, evaluations(run, len(rows), len(test)))
            last = tested[loop.total] if loop.total in tested else loop.predict(test)
            prob = np.concatenate([loop.predict(split.b), last])
    seen = np.concatenate([split.b, test])
    predictions = Predictions(
        id=examples.id[seen],
        split=np.repeat(["transfer", "test"], [len(split.b), len(test)]),
        group=examples.group[seen],
        gold=examples.label[seen],
        prob=prob,
    )
    with atomic(store.weights(run.key())) as path:
        save_file({name: tensor.cpu().contiguous() for name, tensor in loop.weights().items()}, path)
    store.write_predictions(run.key(), predictions)  # last: these say that the run has finished


def _inputs(
    run: RunSpec, examples: Examples, store: Store, emit: Callable[[Event], None], should_stop: Callable[[], bool]
) -> Inputs:
    """What the model of ``run`` reads, for every row of the data set."""
    if run.adaptation == "scratch":
        return words(examples.text, run.max_tokens)
    if run.adaptation == "probe":
        return Dense(frozen_features(run, examples, store, emit, should_stop))
    return cached_word_pieces(run, examples.text, backbone.tokenizer(run), store, should_stop)


def evaluations(run: RunSpec, rows: int, test: int) -> int:
    """How often the test set is looked at while training: 50 times, less often where that would slow a full tuning down."""
    if not run.tunes_backbone:
        return EVALUATIONS
    # One training step costs about three forward passes of its batch.
    affordable = FULL_EVALUATION_SHARE * 3 * run.epochs * rows / test
    return max(2, min(EVALUATIONS, int(affordable)))


def _started(run: RunSpec, rows: int, resumed_from: int) -> RunStarted:
    device = Accelerator().device
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else device.type
    precision = "fp32" if run.adaptation == "scratch" else precision_of(run)
    return RunStarted(
        total_steps=run.epochs * steps_per_epoch(rows, run.batch_size),
        resumed_from=resumed_from,
        device=name if precision == "fp32" else f"{name}, {precision}",
        versions={"python": python_version()} | {name: version(name) for name in ("torch", "transformers", "numpy")},
    )


def _report(examples: Examples, parts: dict[str, Rows]) -> None:
    for name, rows in parts.items():
        log.info("%s: %d rows, %.1f%% of class 1", name, len(rows), 100 * examples.label[rows].mean())
