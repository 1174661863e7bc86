"""``schema``: the JSON schema of recipes."""

import argparse
import json

from training import ExperimentSpec
from training.cli.exits import DONE

HELP = "Print the JSON schema of recipes."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add nothing: the command takes no arguments."""


def run(options: argparse.Namespace) -> int:
    print(json.dumps(ExperimentSpec.model_json_schema(), indent=2))
    return DONE
