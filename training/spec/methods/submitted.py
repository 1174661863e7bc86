"""Predictions that were made elsewhere: a student that the laboratory has not trained."""

from typing import ClassVar, Literal

from pydantic import Field

from training.spec.methods.base import MethodBase


class Submitted(MethodBase):
    """Submitted from outside: a student that was trained elsewhere on the weak labels of half B, without the truth.

    The laboratory hands out the texts and weak labels of half B and the texts of the test set, and scores the predictions that
    come back. It has not seen how they were made.
    """

    offered: ClassVar[bool] = False
    short: ClassVar[str] = "Submitted"
    label_source: ClassVar[str] = "weak labels, elsewhere"
    kind: Literal["submitted"] = Field("submitted", title="Submitted from outside")
    model: str = Field(title="Predictions", description="Name and digest of the submitted predictions.")
    weak: str = Field(title="Supervisor", description="The supervisor whose labels were handed out.")
