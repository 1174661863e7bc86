"""What all methods have, and the settings that several share."""

from typing import ClassVar

from pydantic import Field

from training.base_models import Frozen


class MethodBase(Frozen):
    """In the formulas w is the weak label of an example and f what the student says, both probabilities."""

    two_classes: ClassVar[bool] = False
    """Whether it is defined for two classes only."""
    short: ClassVar[str] = ""
    """What charts call it, where its title is too long."""
    taught: ClassVar[str] = "weak labels"
    """What its student learns from, in words."""
    own_view: ClassVar[bool] = False
    """Whether the student's own view has a weight in its loss, which changes while it trains."""


def weight_field(description: str) -> float:
    weight: float = Field(0.5, ge=0, le=1, title="Confidence weight", description=description)
    return weight


GUESS = "Share of the target that is the student’s own guess, after the ramp."
RAMP = "Share of the training over which the weight rises linearly from zero."

FRACTION = "Share of half B, validation rows included, that has its ground truth; the seed draws which rows."


def fraction_field() -> float:
    fraction: float = Field(0.1, ge=0, le=1, title="Ground truth", description=FRACTION)
    return fraction
