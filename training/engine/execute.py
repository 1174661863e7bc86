"""The execution of one run: trained once, resumed after an interruption, reported again when it is finished."""

import logging
import time
from collections.abc import Callable

import numpy as np

from training.engine.distributed.launcher import train_together
from training.engine.errors import EngineError, Stopped
from training.engine.train import train
from training.events import CheckpointSaved, Event, RunFinished, RunStarted, RunStopped
from training.spec import ENGINE_VERSION, RunSpec
from training.storage.artifacts import Store

log = logging.getLogger(__name__)


def execute(run: RunSpec, store: Store, emit: Callable[[Event], None], should_stop: Callable[[], bool]) -> None:
    """Train ``run`` and write its predictions and weights to ``store``, or a checkpoint once ``should_stop`` returns true.

    The last event is RunFinished or RunStopped. A finished run is only reported again; where one of its files is damaged, all are
    moved aside and it is trained again. Raises EngineError, with a sentence for the user, DamagedArtifact for a file of another
    run, and any other error of the training.
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
            train_together(train, run, store, watch, should_stop)
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
