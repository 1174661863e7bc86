"""The shipped recipes, for the command line and for pages."""

from pathlib import Path

from training.spec import STORED, ExperimentSpec

RECIPES = Path(__file__).parent
FIRST = "movie-reviews"
"""The recipe for a first experiment."""


def names() -> list[str]:
    return sorted(path.stem for path in RECIPES.glob("*.json"))


def recipes() -> dict[str, ExperimentSpec]:
    """Return the shipped experiments by name, the first experiment first; one may need a model that is not installed."""
    ordered = sorted(names(), key=lambda name: (name != FIRST, name))
    read = ((name, (RECIPES / f"{name}.json").read_text()) for name in ordered)
    return {name: ExperimentSpec.model_validate_json(text, context=STORED) for name, text in read}
