"""Methods that use the ground truth of some rows."""

from typing import ClassVar, Literal

from pydantic import Field

from training.spec.methods.base import GUESS, WARM_UP, MethodBase, fraction_field, weight_field


class Mixed(MethodBase):
    """Ground truth mixed in: naive, with the true label in place of the weak one on some rows.

    At 0 it is naive, at 1 the ceiling. Random labels in place of the weak ones are the control for their information.
    """

    label_source: ClassVar[str] = "weak labels and ground truth"
    kind: Literal["mixed"] = Field("mixed", title="Mixed with ground truth")
    fraction: float = fraction_field()
    rest: Literal["weak", "random"] = Field(
        "weak",
        title="Other rows",
        description="Weak labels, or as a control random hard labels, with the same rows and steps.",
    )


class Anchored(MethodBase):
    """Anchored confidence loss: confidence loss, but cross-entropy to the ground truth on rows where it is known."""

    short: ClassVar[str] = "Anchored"
    label_source: ClassVar[str] = "weak labels and ground truth"
    own_view: ClassVar[bool] = True
    kind: Literal["anchored"] = Field("anchored", title="Anchored confidence loss")
    fraction: float = fraction_field()
    weight: float = weight_field(f"{GUESS} It is 0 for rows with ground truth.")
    ramp: float = Field(0.2, ge=0, le=1, title="Warm-up", description=WARM_UP)
    threshold: Literal["median", "balanced"] = Field(
        "median",
        title="Threshold",
        description="Median with two classes, balanced with more, as in the confidence loss.",
    )


class EasyToHard(MethodBase):
    """Easy to hard: ground truth, but only for rows that the supervisor finds easy (after arXiv:2401.06751).

    Easy rows have the supervisor's smallest cross-entropy to the truth; for written answers, the data set's least difficulty. The
    student does not learn from hard ones.
    """

    label_source: ClassVar[str] = "ground truth of easy rows"
    kind: Literal["easy-to-hard"] = Field("easy-to-hard", title="Easy to hard")
    easy: float = Field(
        0.5,
        gt=0,
        le=1,
        title="Easy share",
        description="Share of half B, by the supervisor’s loss on the truth. The student learns true labels and no weak ones; "
        "the result adds accuracies on the hard rest of the test set, selected by the same measure.",
    )


GroundTruth = Mixed | Anchored | EasyToHard
