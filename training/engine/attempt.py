"""One attempt at a run: its events, its requests to stop, and its one end."""

import logging
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

import numpy as np

from training.engine.errors import EngineError, Stopped
from training.events import CheckpointSaved, Event, RunFinished, RunStarted, RunStopped
from training.spec import ENGINE_VERSION, RunSpec
from training.storage.artifacts import Store
from training.storage.written_answers import Course, WrittenAnswers, WrittenTrajectory

log = logging.getLogger(__name__)


class Attempt:
    """An attempt at ``run``, which has ``ended`` after RunFinished, RunStopped, or a call of ``fail`` with its error.

    It is one of ``together`` attempts that share their time.
    """

    def __init__(
        self,
        run: RunSpec,
        store: Store,
        emit: Callable[[Event], None],
        should_stop: Callable[[], bool],
        fail: Callable[[Exception], None],
        together: int = 1,
    ) -> None:
        self.run, self.key, self.store, self.should_stop = run, run.key(), store, should_stop
        self.ended = False
        self._emit, self._fail = emit, fail
        self._begun, self._saved, self._together = time.monotonic(), 0, together

    def emit(self, event: Event) -> None:
        if isinstance(event, RunStarted):
            self._saved = event.resumed_from
        elif isinstance(event, CheckpointSaved):
            self._saved = event.step
        self._emit(event)

    def begin(self) -> None:
        """Clear the run's folder. A finished run is only reported again, unless a file is damaged. Raises EngineError."""
        if self.run.engine != ENGINE_VERSION:
            raise EngineError(
                f"The run was planned for version {self.run.engine} of the engine, and this is version {ENGINE_VERSION}."
            )
        if self.store.finished(self.key) and (damage := self.store.damage(self.key, again=True)):
            log.warning("%s It is moved aside, and the run is trained again.", damage)
            self.store.quarantine(self.key)
        if self.store.finished(self.key):
            self.finish()
        else:
            self.store.sweep(self.key)

    def finish(self) -> None:
        """Report the run, whose files are written."""
        self.store.sweep(self.key, "checkpoint.bin", "best-*.safetensors")
        self._emit(_finished(self.store, self.key, (time.monotonic() - self._begun) / self._together))
        self.ended = True

    def end(self, error: Exception) -> None:
        """End by an error, or by a stop that was requested."""
        self.ended = True
        if isinstance(error, Stopped):
            self._emit(RunStopped(step=self._saved))
        else:
            self._fail(error)

    @contextmanager
    def ending(self) -> Iterator[None]:
        """Let an error of the block end this attempt, and nothing else."""
        with ending([self]):
            yield


@contextmanager
def ending(attempts: Iterable[Attempt]) -> Iterator[None]:
    """Let an error of the block end those of ``attempts`` that have not ended. Raises BrokenPipeError: nobody reads events."""
    try:
        yield
    except BrokenPipeError:
        raise
    except Exception as error:
        for attempt in attempts:
            if not attempt.ended:
                attempt.end(error)


def _finished(store: Store, key: str, seconds: float) -> RunFinished:
    outputs = store.read_outputs(key)
    if isinstance(outputs, WrittenAnswers):
        return _written(outputs.part("test"), store.read_course(key), seconds)
    test, trajectory = outputs.part("test"), store.read_trajectory(key)
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


def _written(test: WrittenAnswers, trajectory: Course, seconds: float) -> RunFinished:
    assert isinstance(trajectory, WrittenTrajectory)
    return RunFinished(
        accuracy=float(test.right.mean()),
        seconds=seconds,
        selected_step=trajectory.selected,
        last_step=trajectory.last,
        last_accuracy=float(trajectory.right_at(trajectory.last).mean()),
        hindsight_step=trajectory.hindsight,
        hindsight_accuracy=float(trajectory.right_at(trajectory.hindsight).mean()),
        watched=len(trajectory.id) if len(trajectory.id) < len(test.id) else None,
    )
