"""The same engine with no web at all: python -m training plan|run|push|export|words|schema|verify|execute|serve|data."""

import argparse
import json
import logging
import sys
from collections.abc import Callable
from difflib import get_close_matches
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from training import Event, ExperimentSpec, Plan, RunSpec, Store, catalog, environment, execute, make_plan
from training.catalog import library
from training.cli.streams import json_lines, stop_requests
from training.command_output import Erasure
from training.engine.errors import EngineError, Killed
from training.events import RunFailed, RunStopped
from training.file_permissions import private
from training.fork_server import serve
from training.planning.plan import TooManyRuns
from training.recipes import RECIPES, names
from training.spec import describe
from training.storage.atomic import atomic, out_of_room, writable
from training.storage.checksums import DamagedArtifact
from training.storage.event_log import Diary

DONE, FAILED, BAD_INPUT, STOPPED = 0, 1, 2, 75
"""Exit codes. 75 is the system's EX_TEMPFAIL: try again later, and the run goes on from its checkpoint."""


Model = TypeVar("Model", ExperimentSpec, RunSpec)


class BadInput(Exception):
    """What was asked for cannot be read; every line of the text is one problem."""


def main(arguments: list[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    try:
        private()
        environment.home(instead=library.folder().parent)
        logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
        code: int = options.command(options)
    except (BadInput, environment.SettingError) as error:
        print(error, file=sys.stderr)
        return BAD_INPUT
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m training", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def add(name: str, command: Callable[[argparse.Namespace], int], text: str) -> argparse.ArgumentParser:
        added = commands.add_parser(name, help=text, description=text)
        added.set_defaults(command=command)
        return added

    recipe = f"path of a recipe, or one of: {', '.join(names())}"
    add("plan", _plan, "Prints the runs and triplets of a recipe, as JSON.").add_argument("recipe", help=recipe)
    run = add("run", _run, "Trains every run of a recipe that is not finished; prints events as JSON lines.")
    run.add_argument("recipe", help=recipe)
    run.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder for predictions, weights and result.json")
    push = add("push", _push, "Sends a recipe that was run here to a laboratory, as an archive that it verifies.")
    push.add_argument("recipe", help=recipe)
    push.add_argument("--store", type=Path, required=True, metavar="DIR", help="the folder that run has filled")
    push.add_argument("--to", required=True, metavar="URL", help="address of the laboratory; W2S_TOKEN has a token of yours")
    add("schema", _schema, "Prints the JSON schema of recipes.")
    out = add("export", _export, "Writes a finished run's model, or its weak labels, into a folder that other tools read.")
    out.add_argument("run", metavar="RUNKEY", help="key of the run, or its beginning")
    out.add_argument("--store", type=Path, required=True, metavar="DIR", help="folder with the run's predictions and weights")
    out.add_argument("--out", type=Path, required=True, metavar="FOLDER", help="new or empty folder to write into")
    out.add_argument("--labels", action="store_true", help="the weak labels as a data set, and not the model")
    hung = add("words", _words, "Prints what each word of an example does to the answers of finished runs, a JSON line for each.")
    hung.add_argument("example", type=int, metavar="ID", help="id of the example in the runs' data set")
    hung.add_argument("runs", nargs="+", metavar="RUNKEY", help="key of a run, or its beginning")
    hung.add_argument("--store", type=Path, required=True, metavar="DIR", help="folder with the run's predictions and weights")
    check = add("verify", _verify, "Verifies an archive as a laboratory does before it imports it. Prints JSON lines.")
    check.add_argument("archive", type=Path, help="the zip file")
    check.add_argument(
        "--out", type=Path, required=True, metavar="FOLDER", help="is replaced by what was in it, once it is right"
    )
    check.add_argument("--store", type=Path, metavar="DIR", help="compare with the runs that this folder has too")
    check.add_argument("--largest", type=int, metavar="BYTES", help="that it may unpack to")
    check.add_argument("--reserve", type=int, default=0, metavar="BYTES", help="of the disk that must stay free")
    one = add("execute", _execute, "Trains one run, read as JSON from stdin; prints its events as JSON lines.")
    one.add_argument("--store", type=Path, required=True, metavar="DIR", help="folder for predictions and weights")
    add(
        "serve",
        _serve,
        "Waits for a worker to ask for trainings on the socket that is its stdin; trains each in a fork of itself.",
    )
    _add_data(add("data", _data, "Data sets: list, fetch, look, check, add. Prints JSON lines, the answer last."))
    return parser


def _add_data(parser: argparse.ArgumentParser) -> None:
    commands = parser.add_subparsers(required=True, metavar="WHAT", dest="what")
    commands.add_parser("list", help="what there is: embedded, on the shelf, and registered but not fetched")
    fetch = commands.add_parser("fetch", help="loads a registered data set from the Hub, checks it, and shelves it")
    fetch.add_argument("name", help=f"one of: {', '.join(catalog.REGISTERED)}")
    fetch.add_argument("--from", dest="mirror", type=Path, metavar="FOLDER", help="a folder laid out as on the Hub")
    one = commands.add_parser("look", help="the columns and first rows of a file")
    one.add_argument("file", type=Path)
    for name, text in (("check", "checks a file and shelves nothing"), ("add", "checks a file and shelves it")):
        command = commands.add_parser(name, help=text)
        command.add_argument("file", type=Path, help="CSV, JSON lines or Parquet, up to 1 GB")
        command.add_argument("--mapping", type=Path, required=True, metavar="FILE", help="which columns are what, as JSON")
        if name == "check":
            command.add_argument("--out", type=Path, metavar="FOLDER", help="leave the checked data set here")
        else:
            command.add_argument("--name", required=True, help="what experiments call it")
            for field in ("title", "source", "licence", "citation"):
                command.add_argument(f"--{field}", default="")


def read_recipe(name: str) -> ExperimentSpec:
    """The experiment in the file ``name``, or in the shipped recipe of that name. Raises BadInput."""
    shipped = RECIPES / f"{name}.json"
    path = shipped if name in names() else Path(name)
    try:
        text = path.read_text("utf-8-sig")
    except UnicodeDecodeError:
        raise BadInput(f"The recipe {name} is not UTF-8: save it as UTF-8.") from None
    except OSError:
        near = get_close_matches(name, names(), n=1)
        hint = f"Did you mean {near[0]}?" if near else f"There are: {', '.join(names())}."
        raise BadInput(f"“{name}” is neither a readable file nor a shipped recipe. {hint}") from None
    return _parse(ExperimentSpec, text)


def _parse(model: type[Model], text: str) -> Model:
    try:
        return model.model_validate_json(text)
    except ValidationError as error:
        problems = describe(error.errors())
        raise BadInput("\n".join(f"{problem.path or 'recipe'}: {problem.message}" for problem in problems)) from None


def _planned(recipe: str) -> Plan:
    """The plan of the recipe of that name. Raises BadInput."""
    try:
        return make_plan(read_recipe(recipe))
    except TooManyRuns as error:
        raise BadInput(str(error)) from None


def _schema(options: argparse.Namespace) -> int:
    print(json.dumps(ExperimentSpec.model_json_schema(), indent=2))
    return DONE


def _plan(options: argparse.Namespace) -> int:
    print(json.dumps(_planned(options.recipe).to_json(), indent=2))
    return DONE


def _execute(options: argparse.Namespace) -> int:
    run = _parse(RunSpec, sys.stdin.read())
    with json_lines() as write, stop_requests() as should_stop:
        return train(run, Store(options.store), lambda event: write(event.model_dump(mode="json")), should_stop)


def _serve(options: argparse.Namespace) -> int:
    serve(lambda store: main(["execute", "--store", store]))
    return DONE


def _run(options: argparse.Namespace) -> int:
    plan, store = _planned(options.recipe), Store(options.out)
    try:
        writable(options.out)
    except OSError as error:
        raise BadInput(f"--out {options.out} cannot be written: {error.strerror or error}.") from None
    with json_lines() as write, stop_requests() as should_stop:
        for run in plan.runs.values():
            done = store.finished(run.key()) and store.damage(run.key()) is None
            code = DONE if done else train(run, store, _told(run, store, write), should_stop)
            if code != DONE:
                return code
    _write_result(plan, store)
    return DONE


def _push(options: argparse.Namespace) -> int:
    # The client and the result cost half a second, which the other commands need not pay.
    from training.cli.send import NotSent, send

    try:
        print(send(_planned(options.recipe), Store(options.store), options.to))
    except NotSent as error:
        raise BadInput(str(error)) from None
    return DONE


def _export(options: argparse.Namespace) -> int:
    # Brings torch, which the other commands need not wait for.
    from training.engine.outputs.export import export_labels, export_model

    store = Store(options.store)
    try:
        run = store.read_run(options.run)
        (export_labels if options.labels else export_model)(run, store, options.out)
    except LookupError as error:
        raise BadInput(str(error.args[0])) from None
    except (EngineError, DamagedArtifact, OSError) as error:
        print(sentence(error, store), file=sys.stderr)
        return FAILED
    print(options.out)
    return DONE


def _words(options: argparse.Namespace) -> int:
    from training.engine.outputs.attribution import erase

    store, code = Store(options.store), DONE
    with json_lines() as write:
        for key in options.runs:
            try:
                found = erase(store.read_run(key), store, options.example)
            except LookupError as error:
                raise BadInput(str(error.args[0])) from None
            except (EngineError, DamagedArtifact, OSError) as error:
                found, code = Erasure(run=key, id=options.example, error=sentence(error, store)), FAILED
            write(found.model_dump(mode="json"))
    return code


def _verify(options: argparse.Namespace) -> int:
    from training.engine.verification.command import run

    with json_lines() as write, stop_requests() as should_stop:

        def tell(notice: BaseModel) -> None:
            write(notice.model_dump(mode="json"))

        return run(options.archive, options.out, options.store, options.largest, options.reserve, tell, should_stop)


def _data(options: argparse.Namespace) -> int:
    # DuckDB and pyarrow cost a fifth of a second, for which the training child need not wait.
    from training.engine.data.command import run

    with json_lines() as write, stop_requests() as should_stop:
        return run(options, lambda notice: write(notice.model_dump(mode="json")), should_stop)


def _told(run: RunSpec, store: Store, write: Callable[[dict[str, Any]], None]) -> Callable[[Event], None]:
    """Events are printed with the run's key, and kept for whoever sends the run to a laboratory."""
    key = run.key()
    diary = Diary(store, key)

    def tell(event: Event) -> None:
        diary.write(event)
        write({"run": key, **event.model_dump(mode="json")})

    return tell


def _write_result(plan: Plan, store: Store) -> None:
    # SciPy costs 0.2 s, which the other commands need not pay.
    from training.metrics.results import summarize

    with atomic(store.root / "result.json") as path:
        path.write_text(summarize(plan, store.read_predictions, store.read_trajectory).model_dump_json(indent=2))


def train(run: RunSpec, store: Store, emit: Callable[[Event], None], should_stop: Callable[[], bool]) -> int:
    """Executes ``run`` and returns the exit code that says how it ended; a failure is emitted as RunFailed."""
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
        passes = isinstance(error, Killed | DamagedArtifact) or out_of_room(error)
        emit(RunFailed(error=sentence(error, store), passes=passes, damaged=damaged))
        return FAILED
    return STOPPED if stopped else DONE


def sentence(error: Exception, store: Store) -> str:
    """One sentence for a person about what went wrong."""
    if isinstance(error, EngineError | DamagedArtifact):
        return str(error)
    if out_of_room(error):
        return f"The disk of {store.root} is full."
    if isinstance(error, OSError):
        return f"The store {store.root} cannot be read or written: {error.strerror or error}."
    return f"{type(error).__name__}: {error}"


if __name__ == "__main__":
    sys.exit(main())
