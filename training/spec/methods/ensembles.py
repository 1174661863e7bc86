"""Methods with weak labels from several supervisors."""

from typing import ClassVar, Literal

from pydantic import Field

from training.spec.methods.base import MethodBase


class EnsembleMean(MethodBase):
    """Ensemble of supervisors: naive, on the mean of the labels of all weak models of the experiment.

    Of written answers it is the answer that most of them give. PGR still refers to the single supervisor of the pair, so that
    methods are comparable.
    """

    kind: Literal["ensemble-mean"] = Field("ensemble-mean", title="Mean of all supervisors")
    short: ClassVar[str] = "Mean"


def members_field() -> int:
    members: int = Field(
        5, ge=2, le=20, title="Members", description="Number of weak models trained for the ensemble, each in a separate run."
    )
    return members


class Bagging(MethodBase):
    """Bagging: naive, on the mean of weak models trained on bootstrap samples of half A (arXiv:2402.00667)."""

    kind: Literal["bagging"] = Field("bagging", title="Bagging")
    members: int = members_field()


class AdaBoost(MethodBase):
    """AdaBoost: naive, on the weighted mean of weak models, each trained mostly on the errors of the previous ones.

    Example weights are multiplied by 1 / (2 (1 - e)) where a member is right and 1 / (2 e) where it is wrong, and the weight of
    its label is ln((1 - e) / e) / 2 (arXiv:2402.00667); with K classes as in SAMME. Members learn from weighted samples.
    """

    kind: Literal["adaboost"] = Field("adaboost", title="AdaBoost")
    members: int = members_field()


Ensemble = EnsembleMean | Bagging | AdaBoost
