"""The shipped recipes, for the command line and for pages."""

from pathlib import Path

from training.spec import ExperimentSpec

RECIPES = Path(__file__).parent
FIRST = "movie-reviews"
"""The recipe for a first experiment."""


def names() -> list[str]:
    return sorted(path.stem for path in RECIPES.glob("*.json"))


def recipes() -> dict[str, ExperimentSpec]:
    """Return the shipped experiments by name, the one for a first experiment first."""
    ordered = sorted(names(), key=lambda name: (name != FIRST, name))
    return {name: ExperimentSpec.model_validate_json((RECIPES / f"{name}.json").read_text()) for name in ordered}
