"""The shipped recipes, for the command line and for pages."""

from collections.abc import Iterator
from pathlib import Path

from training import catalog
from training.catalog import outside, packages
from training.names import GIVEN
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


def shipped(name: str) -> ExperimentSpec:
    """Return a shipped experiment that is to be launched, with the settings that its data set and models decide.

    Raises ValidationError where it cannot be launched here.
    """
    return ExperimentSpec.model_validate_json((RECIPES / f"{name}.json").read_text())


def needs(spec: ExperimentSpec) -> Iterator[str]:
    """Yield a sentence for everything that an experiment needs and that is not here, without asking the Hub."""
    try:
        catalog.dataset(spec.data.name)
    except ValueError as error:
        yield str(error)
    for name in dict.fromkeys([*spec.weak.models, *spec.strong.models]):
        if name.startswith(GIVEN):
            try:
                outside.find(name)
            except ValueError as error:
                yield str(error)
        elif name in catalog.MODELS and (sentence := packages.missing(catalog.MODELS[name])):
            yield sentence
        elif name in catalog.LADDERS:
            entry = catalog.LADDERS[name]
            yield f"{entry.title} is downloaded from the Hub ({entry.source}), unless it is on this machine."
