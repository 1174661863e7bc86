"""``python -m training data``: list, fetch, preview, check and add data sets, with results as JSON lines."""

import argparse
import logging
from codecs import BOM_UTF8
from collections.abc import Callable, Mapping
from pathlib import Path

from pydantic import BaseModel, ValidationError

from training import catalog
from training.catalog import column_mapping
from training.catalog.column_mapping import problems_of
from training.catalog.dataset_card import About
from training.command_output import Added, Refused
from training.engine.data import prepare
from training.engine.data.preview import preview
from training.engine.data.rules import OnProgress
from training.engine.errors import EngineError, Stopped
from training.events import Progress

DONE, FAILED, BAD_INPUT, STOPPED = 0, 1, 2, 75

Write = Callable[[BaseModel], None]
Commands = Mapping[str, Callable[[argparse.Namespace, Write, OnProgress], None]]


def run(options: argparse.Namespace, write: Write, should_stop: Callable[[], bool], commands: Commands | None = None) -> int:
    """Run the command, one of ``commands`` or of those of data, and write its results; an error is the last line.

    Returns the exit code.
    """

    def on_progress(phase: str, done: int, total: int) -> None:
        if should_stop():
            raise Stopped
        write(Progress(phase=phase, done=done, total=total))

    try:
        (commands or COMMANDS)[options.what](options, write, on_progress)
    except Stopped:
        return STOPPED
    except BrokenPipeError:
        logging.error("The reader of the results has gone away.")
        return FAILED
    except ValidationError as error:
        problems = problems_of(error)
        write(Refused(error=" ".join(f"{problem.path}: {problem.message}".removeprefix(": ") for problem in problems)))
        return BAD_INPUT
    except (EngineError, ValueError) as error:
        write(Refused(error=str(error)))
        return FAILED
    except OSError as error:
        write(Refused(error=f"The disk cannot be read or written: {error.strerror or error}."))
        return FAILED
    except MemoryError:
        write(Refused(error="The file needs more memory than its checks may use."))
        return FAILED
    except Exception as error:
        logging.exception("The work on the data set failed.")
        write(Refused(error=f"{type(error).__name__}: {error}"))
        return FAILED
    return DONE


class Listed(BaseModel):
    """A listed data set; ``state`` is embedded, ready, or registered (not fetched)."""

    name: str
    title: str
    state: str
    rows: int | None = None
    licence: str
    warnings: tuple[str, ...] = ()


def _list(options: argparse.Namespace, write: Write, on_progress: OnProgress) -> None:
    ready = catalog.ready_datasets()
    for name in ready:
        entry = catalog.dataset(name)
        state = "embedded" if name in catalog.DATASETS else "ready"
        write(Listed(name=name, title=entry.title, state=state, rows=entry.rows, licence=entry.licence, warnings=entry.warnings))
    for name, registered in catalog.REGISTERED.items():
        if name not in ready:
            write(Listed(name=name, title=registered.title, state="registered", licence=registered.licence))


def _fetch(options: argparse.Namespace, write: Write, on_progress: OnProgress) -> None:
    write(Added(card=prepare.fetch_registered(options.name, options.mirror, on_progress)))


def _look(options: argparse.Namespace, write: Write, on_progress: OnProgress) -> None:
    write(preview(options.file))


def _check(options: argparse.Namespace, write: Write, on_progress: OnProgress) -> None:
    mapping = _mapping(options.mapping)
    with prepare.work_folder() as folder:
        write(prepare.check_file(options.file, mapping, options.out or folder, on_progress))


def _add(options: argparse.Namespace, write: Write, on_progress: OnProgress) -> None:
    about = About(**{field: getattr(options, field) for field in About.model_fields})
    write(Added(card=prepare.add(options.file, _mapping(options.mapping), about, on_progress)))


def _mapping(path: Path) -> column_mapping.Mapping:
    try:
        text = path.read_bytes()
    except OSError as error:
        raise ValueError(f"The mapping {path} cannot be read: {error.strerror}.") from None
    return column_mapping.Mapping.model_validate_json(text.removeprefix(BOM_UTF8))


COMMANDS: Commands = {
    "list": _list,
    "fetch": _fetch,
    "look": _look,
    "check": _check,
    "add": _add,
}
