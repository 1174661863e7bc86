"""The base class of methods, and settings that several methods share."""

from typing import ClassVar

from pydantic import Field

from training.base_models import Frozen


class MethodBase(Frozen):
    """Base class of methods. In formulas w is the weak label of an example and f the student's prediction, both probabilities."""

    two_classes: ClassVar[bool] = False
    """True if the method is defined for two classes only."""
    short: ClassVar[str] = ""
    """Short name in charts, where the title is too long."""
    label_source: ClassVar[str] = "weak labels"
    """Source of the student's labels, in words."""
    offered: ClassVar[bool] = True
    """False if no new experiment may ask for it."""
    own_view: ClassVar[bool] = False
    """True if the student's own prediction has a weight in its loss, which changes while it trains."""


def weight_field(description: str) -> float:
    weight: float = Field(0.5, ge=0, le=1, title="Confidence weight", description=description)
    return weight


GUESS = "Share of the target that is the student’s own guess, after the warm-up."
WARM_UP = "Share of the training over which the weight rises linearly from zero."

FRACTION = "Share of half B, validation rows included, with ground truth; the seed draws the rows."


def fraction_field() -> float:
    fraction: float = Field(0.1, ge=0, le=1, title="Ground truth", description=FRACTION)
    return fraction
