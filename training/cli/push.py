"""``push``: send a recipe that was run on this machine to a laboratory."""

import argparse
from pathlib import Path

from training import Store
from training.cli.exits import DONE, BadInput
from training.cli.recipe import add_recipe, planned

HELP = "Send a recipe that was run on this machine to a laboratory, as an archive that it verifies."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_recipe(parser)
    parser.add_argument("--store", type=Path, required=True, metavar="DIR", help="the folder that the command run has written")
    parser.add_argument("--to", required=True, metavar="URL", help="address of the laboratory; W2S_TOKEN is your API token")


def run(options: argparse.Namespace) -> int:
    # The client and the result cost half a second, which the other commands need not pay.
    from training.cli.send import NotSent, send

    try:
        print(send(planned(options.recipe), Store(options.store), options.to))
    except NotSent as error:
        raise BadInput(str(error)) from None
    return DONE
