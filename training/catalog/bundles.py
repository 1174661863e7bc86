"""Feature bundles: data sets of features instead of texts, each of whose arrays is a model of its experiments."""

import re

from training.catalog.check_report import FeatureArray
from training.catalog.models import ModelEntry
from training.names import ARRAY, FEATURES

ARRAY_NAME = re.compile(ARRAY)
ARRAY_RULE = "1 to 48 letters, digits, - and _, beginning with a letter"

MOST_ARRAYS = 8
FEWEST_OF_CLASS = 5
"""Rows of a class below which it is not to be expected in both halves and the test set."""

FIXED = "The features of a bundle are fixed: choose a probe."
REFUSED = {
    "full": FIXED,
    "lora": FIXED,
    "language": "Features are no texts, and no language is modelled on them.",
    "unembedding": "An array of features has no unembedding: start its head at zero.",
}
USUAL_RATE = 1e-3
"""Learning rate of a probe of an array that is not known here."""


def array_of(model: str) -> str | None:
    """Return the array that the model ``features:ARRAY`` stands for, None for other models."""
    return model.removeprefix(FEATURES) if model.startswith(FEATURES) else None


def entry_of(model: str, array: FeatureArray | None = None) -> ModelEntry:
    """Return the entry of the model ``features:ARRAY``, with the width of its ``array`` where that is known."""
    return ModelEntry(
        name=model,
        title=model.removeprefix(FEATURES),
        family="features",
        parameters=array.width if array else 0,
        layers=None,
        digest="",
        licence="that of the data set",
        source="the data set",
        learning_rates={"probe": array.learning_rate if array else USUAL_RATE},
        kind="features",
        width=array.width if array else 0,
        refused=REFUSED,
    )
