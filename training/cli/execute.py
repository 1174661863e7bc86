"""``execute``: the training child. One run, read as JSON from standard input; its events are JSON lines."""

import argparse
import logging
import sys
from collections.abc import Callable
from pathlib import Path

from training import Event, RunSpec, Store, execute
from training.cli.exits import DONE, FAILED, STOPPED
from training.cli.recipe import parsed
from training.cli.streams import json_lines, stop_requests
from training.engine.errors import EngineError, Killed, Unreachable
from training.events import RunFailed, RunStopped
from training.storage.atomic import out_of_room
from training.storage.checksums import DamagedArtifact

HELP = "Train one run, read as JSON from stdin; print its events as JSON lines."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--store", type=Path, required=True, metavar="DIR", help="folder for predictions and weights")


def run(options: argparse.Namespace) -> int:
    spec = parsed(RunSpec, sys.stdin.read())
    with json_lines() as write, stop_requests() as should_stop:
        return train(spec, Store(options.store), lambda event: write(event.model_dump(mode="json")), should_stop)


def train(run: RunSpec, store: Store, emit: Callable[[Event], None], should_stop: Callable[[], bool]) -> int:
    """Execute ``run`` and return its exit code; a failure is emitted as RunFailed."""
    stopped = False

    def watch(event: Event) -> None:
        nonlocal stopped
        stopped = isinstance(event, RunStopped)
        emit(event)

    try:
        execute(run, store, watch, should_stop)
    except BrokenPipeError:
        logging.error("Nobody reads the events any more.")
        return FAILED
    except Exception as error:
        logging.exception("The run failed.")
        damaged = error.key if isinstance(error, DamagedArtifact) else None
        passes = isinstance(error, Killed | Unreachable | DamagedArtifact) or out_of_room(error)
        emit(RunFailed(error=sentence(error, store), passes=passes, damaged=damaged))
        return FAILED
    return STOPPED if stopped else DONE


def sentence(error: Exception, store: Store) -> str:
    """Return one sentence for the user about ``error``."""
    if isinstance(error, EngineError | DamagedArtifact):
        return str(error)
    if out_of_room(error):
        return f"The disk of {store.root} is full."
    if isinstance(error, OSError):
        return f"The store {store.root} cannot be read or written: {error.strerror or error}."
    return f"{type(error).__name__}: {error}"
