"""Language modelling, which a plan may run before all methods: a training on texts without labels."""

from typing import ClassVar, Literal

from pydantic import Field

from training.spec.methods.base import MethodBase


class LanguageModelling(MethodBase):
    """Language modelling: not a method to choose, but a run before all methods where texts come first (``strong.text_epochs``).

    Mean over the tokens of a text of -log p(token | those before), and then over texts, without labels (Burns et al. 2023,
    section 5.2.2, generative finetuning). Both texts of a pair count, whichever is preferred.
    """

    short: ClassVar[str] = "Texts"
    label_source: ClassVar[str] = "texts alone"
    kind: Literal["language-modelling"] = Field("language-modelling", title="Language modelling")
