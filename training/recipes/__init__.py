"""The recipes that are shipped, for the command line and for whatever offers them."""

from pathlib import Path

from training.spec import ExperimentSpec

RECIPES = Path(__file__).parent
FIRST = "movie-reviews"
"""The one to begin with."""


def names() -> list[str]:
    return sorted(path.stem for path in RECIPES.glob("*.json"))


def recipes() -> dict[str, ExperimentSpec]:
    """The shipped experiments by name, the one to begin with first."""
    ordered = sorted(names(), key=lambda name: (name != FIRST, name))
    return {name: ExperimentSpec.model_validate_json((RECIPES / f"{name}.json").read_text()) for name in ordered}
