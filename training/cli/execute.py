"""``execute``: the training child. Runs are read as JSON from standard input; their events are JSON lines."""

import argparse
import logging
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from pydantic import RootModel

from training import Event, RunSpec, Store, execute_together
from training.cli.exits import DONE, FAILED, STOPPED
from training.cli.recipe import parsed
from training.cli.streams import Requests, json_lines, stop_requests
from training.engine.errors import EngineError, Killed, Unreachable
from training.events import RunEvent, RunFailed, RunFinished, RunStopped
from training.log_redaction import redact
from training.names import ModelName
from training.storage.atomic import out_of_room
from training.storage.checksums import DamagedArtifact
from training.storage.opening import open_store
from training.storage.remote import StoreUnreachable

HELP = "Train runs, read as JSON from stdin; print their events as JSON lines."


class Models(RootModel[list[ModelName]]):
    """Names of models, the last document of a request: features that later runs need are computed with those of its runs."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--store", type=Path, required=True, metavar="DIR", help="folder for predictions and weights")


def run(options: argparse.Namespace) -> int:
    requests = Requests(sys.stdin.fileno())
    texts = requests.documents()
    beside = parsed(Models, texts.pop()).root if texts[-1].startswith("[") else ()
    runs = [parsed(RunSpec, text) for text in texts]
    with json_lines() as write, stop_requests() as should_stop:

        def emit(key: str, event: Event) -> None:
            write(RunEvent(run=key, event=event).model_dump(mode="json"))

        return train(runs, open_store(options.store), emit, lambda key: should_stop() or requests.named(key), beside)


def train(
    runs: Sequence[RunSpec],
    store: Store,
    emit: Callable[[str, Event], None],
    should_stop: Callable[[str], bool],
    beside: Sequence[str] = (),
) -> int:
    """Execute ``runs`` together and return the exit code of the worst end; a failure is emitted as RunFailed.

    ``emit`` and ``should_stop`` get the key of a run first. ``beside`` is that of ``execute_together``.
    """
    ends = dict[str, int]()

    def watch(key: str, event: Event) -> None:
        if isinstance(event, RunFinished | RunStopped):
            ends[key] = DONE if isinstance(event, RunFinished) else STOPPED
        emit(key, event)

    def fail(key: str, error: Exception) -> None:
        logging.error("Run %s failed.", key[:12], exc_info=error)
        ends[key] = FAILED
        damaged = error.key if isinstance(error, DamagedArtifact) else None
        passes = isinstance(error, Killed | Unreachable | DamagedArtifact | StoreUnreachable) or out_of_room(error)
        emit(key, RunFailed(error=redact(sentence(error, store)), passes=passes, damaged=damaged))

    try:
        execute_together(runs, store, watch, should_stop, fail, beside)
    except BrokenPipeError:
        logging.error("Nobody reads the events any more.")
        return FAILED
    except Exception as error:
        for key in (key for run in runs if (key := run.key()) not in ends):
            fail(key, error)
    codes = set(ends.values())
    return next((code for code in (FAILED, STOPPED) if code in codes), DONE)


def sentence(error: Exception, store: Store) -> str:
    """Return one sentence for the user about ``error``."""
    if isinstance(error, EngineError | DamagedArtifact | StoreUnreachable):
        return str(error)
    if out_of_room(error):
        return f"The disk of {store.root} is full."
    if isinstance(error, OSError):
        return f"The store {store.root} cannot be read or written: {error.strerror or error}."
    return f"{type(error).__name__}: {error}"
