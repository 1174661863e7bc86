"""What a plan may have before all methods: a training that reads texts and no labels."""

from typing import ClassVar, Literal

from pydantic import Field

from training.spec.methods.base import MethodBase


class LanguageModelling(MethodBase):
    """Not a method that can be chosen, but what a plan has before all methods where texts come first (``strong.text_epochs``).

    Mean over the tokens of a text of -log p(token | those before), and then over texts: no label is read (Burns et al. 2023,
    section 5.2.2, generative finetuning). Of a pair of texts both count, whichever is preferred.
    """

    short: ClassVar[str] = "Texts"
    taught: ClassVar[str] = "texts alone"
    kind: Literal["language-modelling"] = Field("language-modelling", title="Language modelling")
