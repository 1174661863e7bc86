"""Methods that learn from a part of half B, selected without its ground truth."""

from typing import ClassVar, Literal

from pydantic import Field

from training.spec.methods.base import MethodBase


class FilterThreshold(MethodBase):
    """Confidence filter: naive, only on rows with a confident weak label (as in automated-w2s-research).

    A row is kept where the supervisor's most probable class exceeds the threshold. The classes are not kept balanced. Of written
    answers it is the probability of the whole answer.
    """

    short: ClassVar[str] = "Filter"
    kind: Literal["filter-threshold"] = Field("filter-threshold", title="Filter by threshold")
    threshold: float = Field(
        0.75,
        ge=0,
        lt=1,
        title="Threshold",
        description="Probability that the most probable class of a weak label must exceed.",
    )


class FilterFraction(MethodBase):
    """Confidence filter by class: naive, on the most confident weak labels of each class (ours, after arXiv:2406.19032).

    The most confident share of the rows of each weak label is kept, so that the classes keep their shares. Of written answers,
    which have no classes, it is the share of all rows.
    """

    short: ClassVar[str] = "Filter by class"
    kind: Literal["filter-fraction"] = Field("filter-fraction", title="Filter by class")
    keep: float = Field(0.5, gt=0, le=1, title="Kept share", description="Share of the rows of each class by the weak labels.")


class Overlap(MethodBase):
    """Overlap selection: naive, only on rows of one kind by overlap density (arXiv:2412.03881).

    Hard rows are those with the least confident weak labels, up to the single change point of |2w - 1|. Of the others, rows
    overlap whose largest inner product with a hard row (of the student's frozen features) lies above its change point; the rest
    are easy. The share of overlapping rows is the overlap density. Selecting rows by it is ours: the paper selects data sources.
    """

    short: ClassVar[str] = "Overlap"
    kind: Literal["overlap"] = Field("overlap", title="Overlap selection")
    part: Literal["overlap", "easy", "hard", "random"] = Field(
        "overlap",
        title="Rows",
        description="The kind of rows to learn from. Random is the control: as many random rows as overlap, drawn by the seed.",
    )


RowSelection = FilterThreshold | FilterFraction | Overlap
