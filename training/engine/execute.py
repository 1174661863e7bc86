"""The story of one run: data -> labels -> train -> predict -> save."""

import logging
import shutil
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from platform import python_version
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import torch
from accelerate import Accelerator
from safetensors.torch import save_file

from training.engine import checkpoint
from training.engine.checkpoint import Checkpoint
from training.engine.data.examples import Examples, Side, load_examples
from training.engine.data.split import Rows, split_for
from training.engine.data.tokens import cached_word_pieces, words
from training.engine.determinism import HEAD_THREADS, TRANSFORMER_THREADS, make_deterministic, threads
from training.engine.distributed.launcher import train_together
from training.engine.distributed.process_group import Crew
from training.engine.errors import EngineError, Stopped
from training.engine.evaluation_schedule import looks as looks_of
from training.engine.loop import Loop
from training.engine.models import backbone, classifiers
from training.engine.models.features import frozen_features
from training.engine.models.inputs import Dense, Inputs, Pairs
from training.engine.models.precision import precision_of
from training.engine.models.prompting import answers
from training.engine.outputs.export import weights_of
from training.engine.schedule import steps_per_epoch
from training.engine.selection import Selection
from training.engine.targets.derived_labels import derive, derived
from training.engine.targets.imitation import prompted
from training.engine.targets.supervisor_labels import Evaluate, Probabilities, evaluator, read_supervisor
from training.engine.targets.training_set import Lesson, lesson
from training.events import CheckpointSaved, EvaluationLogged, Event, RunFinished, RunStarted, RunStopped
from training.spec import ENGINE_VERSION, RunSpec
from training.spec.methods import Imitation
from training.storage.artifacts import Store
from training.storage.atomic import atomic
from training.storage.predictions import Predictions

log = logging.getLogger(__name__)


def execute(run: RunSpec, store: Store, emit: Callable[[Event], None], should_stop: Callable[[], bool]) -> None:
    """Trains ``run`` and leaves its predictions and weights in ``store``, or a checkpoint once ``should_stop`` is true.

    The last event is RunFinished or RunStopped. A run that has already finished is only reported again; where a file of it is
    damaged, all are moved aside and it is trained again. Raises EngineError, with a sentence for a person, DamagedArtifact for
    what another run left, and whatever else went wrong.
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

    if store.finished(key) and (damage := store.damage(key, again=True)):
        log.warning("%s It is moved aside, and the run is trained again.", damage)
        store.quarantine(key)
    if not store.finished(key):
        try:
            store.sweep(key)
            train_together(_train, run, store, watch, should_stop)
        except Stopped:
            emit(RunStopped(step=saved))
            return
    store.sweep(key, "checkpoint.bin", "best-*.safetensors")
    emit(_finished(store, key, time.monotonic() - begun))


def _finished(store: Store, key: str, seconds: float) -> RunFinished:
    test, trajectory = store.read_predictions(key).part("test"), store.read_trajectory(key)
    if not len(test.id):
        last = trajectory.last
        return RunFinished(seconds=seconds, selected_step=last, last_step=last, hindsight_step=last)
    gold = test.gold[np.isin(test.id, trajectory.id)]
    hindsight = trajectory.hindsight(gold)
    return RunFinished(
        accuracy=float(test.right.mean()),
        seconds=seconds,
        selected_step=trajectory.selected,
        last_step=trajectory.last,
        last_accuracy=trajectory.accuracy(trajectory.last, gold),
        hindsight_step=hindsight,
        hindsight_accuracy=trajectory.accuracy(hindsight, gold),
        watched=len(gold) if len(gold) < len(test.gold) else None,
    )


def _train(run: RunSpec, store: Store, emit: Callable[[Event], None], should_stop: Callable[[], bool], crew: Crew) -> None:
    make_deterministic(run.seed)
    examples = load_examples(run.dataset, run.fingerprint)
    split = split_for(run, examples.group)
    half, looks = split.half(run.half), looks_of(run, split, examples.group)
    if run.derives:

        def find() -> Predictions:
            if run.prompts:
                return answers(run, examples, split, store, emit, should_stop)
            return derived(run, examples, store)

        derive(run, store, _started(run, crew, None, 0), emit, find)
        return
    if run.reads and crew.sharded:
        raise EngineError("A model in shards cannot learn texts: the worker must train without W2S_SHARDED.")
    supervisor = read_supervisor(run, store)
    if isinstance(run.method, Imitation):
        assert supervisor is not None
        examples = prompted(run, examples, supervisor)

    def features() -> npt.NDArray[np.float32]:
        untrained = run.model_copy(update={"adaptation": "probe", "lora_rank": None, "lora_alpha": None, "start": None})
        return frozen_features(untrained, examples.text, "a", store, emit, should_stop)

    with crew.main_first():
        learned = lesson(run, examples, half, supervisor, store, features)
    evaluate = evaluator(examples, looks.watched, learned.held_out, supervisor)
    _report(examples, split.parts)
    selection = Selection(run, store.run(run.key()), crew)
    with crew.main_first():
        if run.stop_at is not None and crew.main:
            _take_over(run, run.stop_at, store)
    with crew.main_first():
        begun = _checkpoint(store, store.checkpoint(run.key()), selection, crew)
    emit(_started(run, crew, learned, begun["step"] if begun else 0))

    with crew.main_first():
        inputs = _inputs(run, examples, store, emit, should_stop)
    with threads(max(1, TRANSFORMER_THREADS // crew.size) if run.tunes_backbone else HEAD_THREADS):
        path = store.checkpoint(run.key())
        used = inputs.used(learned.rows) if run.adaptation == "full" else None
        model = classifiers.build(run, used, pairs=examples.text_b is not None, classes=examples.classes)
        loop = Loop(run, model, inputs, learned.rows, learned.labels, path, emit, should_stop, selection, crew, learned.truth)
        if begun:
            loop.restore(begun)
            if run.stop_at is not None:
                retell = evaluator(examples, looks.watched, learned.held_out[:0], supervisor)
                _retell(selection, retell, emit)
        elif run.start is not None:
            before = store.read_run(run.start)
            loop.load(classifiers.going_on(before, weights_of(before, store), examples.text_b is not None), partly=before.reads)
        looked_at = np.concatenate([learned.validation, looks.watched])

        def look(step: int) -> Event:
            on_validation, on_test = np.split(loop.predict(looked_at), [len(learned.validation)])
            if run.reads:
                selection.record(step, on_test, None, loop.weights)
                return EvaluationLogged(step=step, validation_loss=float(on_validation.mean()) if len(on_validation) else None)
            event = evaluate(step, on_test, on_validation)
            selection.record(step, on_test, event.validation_accuracy, loop.weights)
            return event

        with loop.stoppable():
            loop.fit(look, looks.times)
            if (best := selection.selected_weights()) is not None:
                loop.load(best)  # what a stop saves from here on has these, and is trained no further
            own = half.train if run.boosts is not None else half.train[:0]  # what a next member's weights hang on
            told = Told(split.b.rows, split.test, split.locked, own)
            if run.reads:
                told = Told(*(rows[:0] for rows in told))
            unseen = told._replace(test=np.setdiff1d(told.test, looks.watched))
            on_transfer, on_rest, *others = np.split(loop.predict(np.concatenate(unseen)), np.cumsum([*map(len, unseen[:3])]))
    weights = loop.weights() if run.adaptation != "full" or run.keep_weights else None
    if not crew.main:
        return
    if weights is not None:
        kept = {name: tensor for name, tensor in weights.items() if not name.startswith(classifiers.UNEMBEDDING)}
        with store.writing(store.weights(run.key())) as file:
            save_file({name: tensor.cpu().contiguous() for name, tensor in kept.items()}, file)
    trajectory = selection.trajectory(examples.id[looks.watched])
    store.write_trajectory(run.key(), trajectory)
    store.write_run(run)
    watched = np.isin(told.test, looks.watched)
    on_test = np.empty((len(watched), *on_rest.shape[1:]), np.float32)
    on_test[watched], on_test[~watched] = trajectory.at(trajectory.selected), on_rest
    predictions = _predictions(examples, told, on_transfer, on_test, *others)
    store.write_predictions(run.key(), predictions)  # last: these say that the run has finished


class Told(NamedTuple):
    """The rows of which a run says something in the end: ``own`` are those of its own half that another run asks about."""

    transfer: Rows
    test: Rows
    locked: Rows
    own: Rows


def _predictions(examples: Examples, told: Told, *prob: Probabilities) -> Predictions:
    """``prob`` has those of each part."""
    seen = np.concatenate(told)
    return Predictions(
        id=examples.id[seen],
        split=np.repeat(Told._fields, [len(rows) for rows in told]),
        group=examples.group[seen],
        gold=examples.label[seen],
        prob=np.concatenate(prob),
    )


def _take_over(run: RunSpec, stop_at: int, store: Store) -> None:
    """What the whole run has left, of which this one is the beginning; without it the beginning is trained again, to the same."""
    whole = store.run(run.model_copy(update={"stop_at": None}).key())
    path = store.checkpoint(run.key())
    begun = None if path.exists() else checkpoint.load(whole / path.name)
    if begun is None or begun["step"] > stop_at:
        return
    for file in [*whole.glob("best-*.safetensors*"), whole / path.name]:  # the checkpoint speaks of the others, so it comes last
        # With its checksum, which is that of the content that was meant: a copy of what is damaged is damaged.
        with atomic(path.parent / file.name) as copy:
            shutil.copyfile(file, copy)


def _retell(selection: Selection, evaluate: Evaluate, emit: Callable[[Event], None]) -> None:
    """Tells the evaluations that the whole run has told before, as events of this one, whose course they are too."""
    for step, prob, validation in zip(selection.steps, selection.prob, selection.validation, strict=True):
        told = evaluate(step, prob, prob[:0])
        emit(told.model_copy(update={"validation_accuracy": None if np.isnan(validation) else float(validation)}))


def _checkpoint(store: Store, path: Path, selection: Selection, crew: Crew) -> Checkpoint | None:
    """Where the run goes on from, None for the beginning; a damaged checkpoint is moved aside."""
    begun = checkpoint.load(path)
    if begun is None and crew.main and path.exists():
        store.checksums.quarantine(path)
    if begun and not selection.can_restore(begun["selection"]):
        log.warning("The best weights that the checkpoint %s speaks of are missing; training starts from the beginning.", path)
        begun = None
    if begun is None:
        selection.clear()
    return begun


def _inputs(
    run: RunSpec, examples: Examples, store: Store, emit: Callable[[Event], None], should_stop: Callable[[], bool]
) -> Inputs:
    """What the model of ``run`` reads, for every row of the data set."""

    def read(text: pa.ChunkedArray, side: Side) -> Inputs:
        if run.adaptation == "scratch":
            return words(text, run.max_tokens)
        if run.adaptation == "probe":
            return Dense(frozen_features(run, text, side, store, emit, should_stop))
        return cached_word_pieces(run, text, side, backbone.tokenizer(run), store, should_stop)

    first = read(examples.text, "a")
    return first if examples.text_b is None else Pairs(first, read(examples.text_b, "b"))


def _started(run: RunSpec, crew: Crew, learned: Lesson | None, resumed_from: int) -> RunStarted:
    """``learned`` is None for a run that trains nothing."""
    device = Accelerator().device
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else device.type
    name = f"{crew.size} x {name}" if crew.size > 1 else name
    precision = "fp32" if run.adaptation == "scratch" else precision_of(run)
    return RunStarted(
        total_steps=_steps(run, learned) if learned else 1,
        rows=len(np.unique(learned.rows)) if learned and learned.left_out else None,
        rows_of=learned.of if learned and learned.left_out else None,
        resumed_from=resumed_from,
        device=name if precision == "fp32" else f"{name}, {precision}",
        versions={"python": python_version()} | {name: version(name) for name in ("torch", "transformers", "numpy")},
    )


def _steps(run: RunSpec, learned: Lesson) -> int:
    total = run.epochs * steps_per_epoch(len(learned.rows), run.batch_size)
    return total if run.stop_at is None else min(run.stop_at, total)


def _report(examples: Examples, parts: dict[str, Rows]) -> None:
    for name, rows in parts.items():
        log.info("%s: %d rows, of each class: %s", name, len(rows), np.bincount(examples.label[rows], minlength=examples.classes))
