"""Weak-to-strong training as a library: a typed experiment, its plan of content-addressed runs, a run as a stream of events."""

import gc
from collections.abc import Callable, Sequence
from functools import cache
from types import ModuleType

from training.events import Event
from training.planning.plan import Plan, Triplet, make_plan
from training.spec import ExperimentSpec, RunSpec
from training.storage.artifacts import Store

__all__ = ["Event", "ExperimentSpec", "Plan", "RunSpec", "Store", "Triplet", "execute", "execute_together", "make_plan"]


def execute(run: RunSpec, store: Store, emit: Callable[[Event], None], should_stop: Callable[[], bool]) -> None:
    """Train ``run`` to its end, or to a checkpoint once ``should_stop`` returns true. See training.engine.execute."""
    _engine().execute(run, store, emit, should_stop)


def execute_together(
    runs: Sequence[RunSpec],
    store: Store,
    emit: Callable[[str, Event], None],
    should_stop: Callable[[str], bool],
    fail: Callable[[str, Exception], None],
    beside: Sequence[str] = (),
) -> None:
    """Train several runs that do not need each other. See training.engine.execute."""
    _engine().execute_together(runs, store, emit, should_stop, fail, beside)


@cache  # objects are frozen once: what a run leaves behind would otherwise stay for good when the next one begins
def _engine() -> ModuleType:
    """Return the only way into the engine and torch."""
    gc.disable()  # torch creates a million lasting objects: scanning them for garbage is a sixth of its import time
    try:
        from training.engine import execute as engine

        gc.freeze()
    finally:
        gc.enable()
    return engine


def preload() -> None:
    """Import every module that a run may need, and compute nothing."""
    from training.engine.preload import import_all

    import_all()
