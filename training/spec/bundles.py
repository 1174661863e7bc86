"""Rules between models and data sets: the models of a feature bundle are its arrays, and only they can be used on it."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from training.catalog import DatasetEntry
from training.catalog.bundles import array_of
from training.names import GIVEN
from training.spec.methods import PROMPTS, Imitation

if TYPE_CHECKING:
    from training.spec.experiment import ExperimentSpec

Place = tuple[str | int, ...]


def problems_of(spec: "ExperimentSpec", data: DatasetEntry) -> Iterator[tuple[Place, str]]:
    """Yield the place and a sentence of everything that an experiment on ``data`` cannot ask for."""
    for role, models in (("weak", spec.weak.models), ("strong", spec.strong.models)):
        for model in models:
            if sentence := refusal(model, data):
                yield (role, "models"), sentence
    if not data.arrays:
        return
    for number, method in enumerate(spec.methods):
        if isinstance(method, (Imitation, *PROMPTS)):
            yield ("methods", number), f"This method writes into texts, and “{data.name}” has features."
    if spec.weak.errors in ("longest", "shortest"):
        yield ("weak", "errors"), f"The rows of “{data.name}” are features, which have no length."


def refusal(model: str, data: DatasetEntry) -> str:
    """Return the reason why ``model`` cannot be used on ``data``, empty if it can."""
    if model.startswith(GIVEN):
        return ""  # labels, whatever their supervisor has seen
    array = array_of(model)
    if data.arrays and model not in data.models:
        what = "has no such array" if array is not None else "has features, which this model does not read"
        return f"{array or model}: “{data.name}” {what}. Choose among {', '.join(data.models)}."
    if array is not None and not data.arrays:
        return f"{model} is an array of a feature bundle, and “{data.name}” is none."
    return ""


def first_models(data: DatasetEntry) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return weak and strong models to begin with: the narrowest array of a bundle, and the widest, the later of equal ones."""
    ordered = sorted(data.models.values(), key=lambda entry: entry.width)
    return (ordered[0].name,), (ordered[-1].name,)


def for_bundle(spec: "ExperimentSpec", data: DatasetEntry) -> "ExperimentSpec":
    """Return ``spec`` with models of the bundle ``data``, which is not yet its data set."""
    weak, strong = first_models(data)
    return spec.model_copy(
        update={
            "weak": spec.weak.model_copy(update={"models": weak}),
            "strong": spec.strong.model_copy(update={"models": strong, "tuning": "probe"}),
        }
    )
