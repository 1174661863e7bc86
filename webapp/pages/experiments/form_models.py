"""Models of a form that fit its data set: those of a feature bundle are its arrays, and texts are read by all others."""

from training import catalog
from training.catalog.bundles import array_of
from training.catalog.datasets import DatasetEntry
from training.names import GIVEN
from training.spec import ExperimentSpec
from training.spec.bundles import first_models
from webapp.pages.fields import Raw

DATA, ROLES = "data__name", ("weak", "strong")


def dataset_of(raw: Raw) -> DatasetEntry | None:
    """Return the data set that is chosen in the form, if it is known."""
    return catalog.known_dataset(raw.get(DATA, [""])[-1])


def fitting(raw: Raw) -> Raw:
    """Return ``raw`` with other models where the chosen data set was changed to one that none of its models fits."""
    data, changed = dataset_of(raw), dict(raw)
    for at, role in enumerate(ROLES):
        name = f"{role}__models"
        models = [line.strip() for value in raw.get(name, []) for line in value.splitlines() if line.strip()]
        if data is None or not models:
            continue
        if data.arrays and not all(model in data.models or model.startswith(GIVEN) for model in models):
            changed[name] = list(first_models(data)[at])
        elif not data.arrays and any(array_of(model) is not None for model in models):
            changed[name] = list(getattr(ExperimentSpec(), role).models)
    return changed
