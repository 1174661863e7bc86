"""``export``: write a finished run's model, or its weak labels, into a folder for other tools."""

import argparse
import sys
from pathlib import Path

from training.cli.execute import sentence
from training.cli.exits import DONE, FAILED, BadInput
from training.engine.errors import EngineError
from training.storage.checksums import DamagedArtifact
from training.storage.opening import open_store
from training.storage.remote import StoreUnreachable

HELP = "Write a finished run's model, or its weak labels, into a folder for other tools."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run", metavar="RUNKEY", help="key of the run, or its beginning")
    parser.add_argument("--store", type=Path, required=True, metavar="DIR", help="folder with the run's predictions and weights")
    parser.add_argument("--out", type=Path, required=True, metavar="FOLDER", help="new or empty folder to write into")
    parser.add_argument("--labels", action="store_true", help="the weak labels as a data set, and not the model")


def run(options: argparse.Namespace) -> int:
    # Brings torch, which the other commands need not wait for.
    from training.engine.outputs.export import export_labels, export_model

    store = open_store(options.store)
    try:
        finished = store.read_run(options.run)
        (export_labels if options.labels else export_model)(finished, store, options.out)
    except LookupError as error:
        raise BadInput(str(error.args[0])) from None
    except (EngineError, DamagedArtifact, StoreUnreachable, OSError) as error:
        print(sentence(error, store), file=sys.stderr)
        return FAILED
    print(options.out)
    return DONE
