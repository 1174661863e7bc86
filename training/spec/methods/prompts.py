"""Methods that put something into the text that the student reads: an imitation of its supervisor, or a question."""

from typing import ClassVar, Literal

from pydantic import Field

from training.spec.methods.base import MethodBase


class Imitation(MethodBase):
    """Imitation prompt: naive, with the supervisor's label at the end of every text (Burns et al. 2023, appendix E.3).

    “I think this is LABEL. What do you think?” stands behind the text that the student reads, in training and at test time, so
    that its supervisor's errors are as easy to imitate as can be. The ceiling reads the text alone. Of a text that is longer
    than the longest text the end is cut, and the label with it.
    """

    short: ClassVar[str] = "Imitation"
    taught: ClassVar[str] = "weak labels that stand in the text"
    kind: Literal["imitation"] = Field("imitation", title="Imitation prompt")


class ZeroShot(MethodBase):
    """Zero-shot prompting: a decoder is asked and learns nothing (Burns et al. 2023, section 5.2.1). The prompt's words are ours.

    The text, the numbers of the classes with their names, and the next token: probabilities are those of the numbers, raw.
    """

    short: ClassVar[str] = "Zero-shot"
    taught: ClassVar[str] = "no labels, only a prompt"
    kind: Literal["zero-shot"] = Field("zero-shot", title="Zero-shot prompt")


class FewShot(MethodBase):
    """Few-shot prompting: a decoder is asked behind some examples with their labels (Burns et al. 2023, section 5.2.1).

    The examples are drawn from half B by the seed, of each label as many as of the others, in an order that the seed draws. The
    prompt's words are ours; all texts are cut so that the whole prompt fits the longest text.
    """

    short: ClassVar[str] = "Few-shot"
    taught: ClassVar[str] = "some examples in the prompt"
    kind: Literal["few-shot"] = Field("few-shot", title="Few-shot prompt")
    shots: int = Field(5, ge=1, le=64, title="Examples", description="How many stand in the prompt.")
    labels: Literal["truth", "weak"] = Field(
        "weak", title="Their labels", description="Weak: the supervisor’s. Truth: the ground truth of these rows."
    )


Prompt = Imitation | ZeroShot | FewShot
