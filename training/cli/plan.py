"""``plan``: the runs and triplets of a recipe."""

import argparse
import json

from training.cli.exits import DONE
from training.cli.recipe import add_recipe, planned

HELP = "Print the runs and triplets of a recipe, as JSON."

add_arguments = add_recipe


def run(options: argparse.Namespace) -> int:
    print(json.dumps(planned(options.recipe).to_json(), indent=2))
    return DONE
