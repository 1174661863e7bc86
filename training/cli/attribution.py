"""``words``: word attribution of an example, by leaving out each word."""

import argparse
from pathlib import Path

from training.cli.execute import sentence
from training.cli.exits import DONE, FAILED, BadInput
from training.cli.streams import json_lines
from training.command_output import Attribution
from training.engine.errors import EngineError
from training.storage.checksums import DamagedArtifact
from training.storage.opening import open_store
from training.storage.remote import StoreUnreachable

HELP = "Print the effect of each word of an example on the predictions of finished runs, a JSON line for each run."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("example", type=int, metavar="ID", help="id of the example in the runs' data set")
    parser.add_argument("runs", nargs="+", metavar="RUNKEY", help="key of a run, or its beginning")
    parser.add_argument("--store", type=Path, required=True, metavar="DIR", help="folder with the run's predictions and weights")


def run(options: argparse.Namespace) -> int:
    from training.engine.outputs.attribution import attribution_of

    store, code = open_store(options.store), DONE
    with json_lines() as write:
        for key in options.runs:
            try:
                attribution = attribution_of(store.read_run(key), store, options.example)
            except LookupError as error:
                raise BadInput(str(error.args[0])) from None
            except (EngineError, DamagedArtifact, StoreUnreachable, OSError) as error:
                attribution, code = Attribution(run=key, id=options.example, error=sentence(error, store)), FAILED
            write(attribution.model_dump(mode="json"))
    return code
