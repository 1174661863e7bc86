"""Values on offer for a setting of a form, with their titles."""

from training import catalog
from training.catalog import outside, packages
from training.catalog.datasets import DatasetEntry
from webapp.findings.wording import dataset_title, short_model
from webapp.pages.fields import Leaf

HINTS = {"datasets": "The page Data sets fetches others and takes your own."}
"""A hint for all settings whose values are of one part of the catalog."""


def options_of(leaf: Leaf, values: list[str], data: DatasetEntry | None = None) -> list[tuple[str, str]]:
    """Return values and titles, in the order of the catalog unless ``values`` has them in another one.

    The models of a feature bundle ``data`` are its arrays.
    """
    titles = _titles(leaf, data)
    places = [list(titles).index(value) for value in values if value in titles]
    if places != sorted(places):
        titles = {value: titles[value] for value in [*values, *titles] if value in titles}
    return list(titles.items())


def _titles(leaf: Leaf, data: DatasetEntry | None) -> dict[str, str]:
    """Return titles by value. Data sets are read each time, as imports and fetches add to them."""
    match leaf.setting.catalog:
        case "models" | "supervisors" if data and data.arrays:
            arrays = {name: f"{short_model(name)}, {entry.width:,} features" for name, entry in data.models.items()}
            return arrays | (_given(data.name) if leaf.setting.catalog == "supervisors" else {})
        case "models":
            return {name: _model(entry) for name, entry in catalog.MODELS.items()}
        case "supervisors":
            return {name: _model(entry) for name, entry in catalog.MODELS.items()} | _given()
        case "datasets":
            return {name: dataset_title(name) for name in catalog.ready_datasets()}
    titles = leaf.setting.titles
    return {str(choice): titles.get(str(choice), str(choice).capitalize()) for choice in leaf.choices}


def _given(dataset: str = "") -> dict[str, str]:
    """Return the supervisors from outside, of one data set or of all."""
    cards = [card for card in outside.cards("supervisor") if dataset in ("", card.dataset)]
    return {card.model: f"{short_model(card.model)}, labels of {card.dataset}" for card in cards}


def _model(entry: catalog.ModelEntry) -> str:
    return f"{short_model(entry.name)}{' (not installed)' if packages.missing(entry) else ''}"
