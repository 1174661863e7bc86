"""Methods that learn from some rows of half B alone, chosen without their ground truth."""

from typing import ClassVar, Literal

from pydantic import Field

from training.spec.methods.base import MethodBase


class FilterThreshold(MethodBase):
    """Confidence filter: naive, on the rows alone of which the supervisor is sure (as in automated-w2s-research).

    Keeps a row where the supervisor's most probable class has more than the threshold. Classes keep no balance.
    """

    short: ClassVar[str] = "Filter"
    kind: Literal["filter-threshold"] = Field("filter-threshold", title="Filter by threshold")
    threshold: float = Field(
        0.75,
        ge=0,
        lt=1,
        title="Threshold",
        description="Probability of its class that a weak label must exceed to be learned from.",
    )


class FilterFraction(MethodBase):
    """Confidence filter by class: naive, on the surest weak labels of each class (ours, after arXiv:2406.19032).

    Keeps the share of the rows of each weak label whose label is surest, so that the classes keep their shares.
    """

    short: ClassVar[str] = "Filter by class"
    kind: Literal["filter-fraction"] = Field("filter-fraction", title="Filter by class")
    keep: float = Field(0.5, gt=0, le=1, title="Kept share", description="Of the rows of each class by the weak labels.")


class Overlap(MethodBase):
    """Overlap selection: naive, on the rows alone that are of one kind by overlap density (arXiv:2412.03881).

    Hard are the rows of which the supervisor is least sure, up to the one change point of |2w - 1|. Of the others those overlap
    that are as near to a hard row (largest inner product of the student's frozen features) as after the change point of that,
    and the rest are easy. The share that overlaps is the overlap density. That a method picks rows by it is ours: the paper
    picks sources of data.
    """

    short: ClassVar[str] = "Overlap"
    kind: Literal["overlap"] = Field("overlap", title="Overlap selection")
    part: Literal["overlap", "easy", "hard", "random"] = Field(
        "overlap",
        title="Rows",
        description="The kind that is learned from. Random is the control: as many rows as overlap, drawn by the seed.",
    )


RowSelection = FilterThreshold | FilterFraction | Overlap
