"""Methods with several students in sequence."""

from typing import ClassVar, Literal

from pydantic import Field

from training.spec.methods.base import FRACTION, MethodBase


class Bootstrapping(MethodBase):
    """Bootstrapping: supervision passes through the experiment's smaller strong models (Burns et al. 2023, section 4.3.1).

    Each learns naively from the labels of the previous one, on rows of half B that no other learns from. The smallest strong
    model has no previous one, and is naive.
    """

    kind: Literal["bootstrapping"] = Field("bootstrapping", title="Bootstrapping")
    route: Literal["chain", "direct"] = Field(
        "chain",
        title="Route",
        description="Chain: through all smaller strong models of the experiment, each with another part of half B. Direct: the "
        "control, with the supervisor’s own labels on the rows of the chain’s last student. Naive has all rows.",
    )


class Relabelling(MethodBase):
    """Strong-to-strong: a student labels its own rows for a new student, repeatedly (EleutherAI/w2s, self-training)."""

    label_source: ClassVar[str] = "another student’s labels"
    kind: Literal["relabelling"] = Field("relabelling", title="Relabelling")
    short: ClassVar[str] = "Relabelling"
    rounds: int = Field(2, ge=1, le=5, title="Rounds", description="Number of new students that learn from the previous one.")


class Sequential(MethodBase):
    """Sequential: naive on weak labels, then continued on a small share of ground truth (arXiv:2410.13215)."""

    label_source: ClassVar[str] = "weak labels and then ground truth"
    kind: Literal["sequential"] = Field("sequential", title="Weak then true labels")
    short: ClassVar[str] = "Sequential"
    fraction: float = Field(
        0.1, gt=0, le=1, title="Ground truth", description=f"{FRACTION} The second training uses only these rows."
    )


Chain = Bootstrapping | Relabelling | Sequential
