"""Reading of recipes: a file, or a shipped recipe by name."""

import argparse
from difflib import get_close_matches
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from training import ExperimentSpec, Plan, make_plan
from training.cli.exits import BadInput
from training.planning.plan import TooManyRuns
from training.recipes import RECIPES, names
from training.spec import describe

Model = TypeVar("Model", bound=BaseModel)


def add_recipe(parser: argparse.ArgumentParser) -> None:
    """Add the argument that names a recipe."""
    parser.add_argument("recipe", help=f"path of a recipe, or one of: {', '.join(names())}")


def read_recipe(name: str) -> ExperimentSpec:
    """Return the experiment in the file ``name``, or in the shipped recipe of that name. Raises BadInput."""
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
    return parsed(ExperimentSpec, text)


def parsed(model: type[Model], text: str) -> Model:
    try:
        return model.model_validate_json(text)
    except ValidationError as error:
        problems = describe(error.errors())
        raise BadInput("\n".join(f"{problem.path or 'recipe'}: {problem.message}" for problem in problems)) from None


def planned(recipe: str) -> Plan:
    """Return the plan of the recipe of that name. Raises BadInput."""
    try:
        return make_plan(read_recipe(recipe))
    except TooManyRuns as error:
        raise BadInput(str(error)) from None
