"""Methods with prompts: an imitation of the supervisor in the student's texts, or a question to a decoder."""

from typing import ClassVar, Literal

from pydantic import Field

from training.spec.methods.base import MethodBase

Format = Literal["plain", "chat"]


def format_field() -> Format:
    chosen: Format = Field(
        "plain",
        title="Format",
        description="Plain: the prompt is one text. Chat: the message of a user in the chat template of the model’s tokenizer, "
        "and each example a message with its answer. A tokenizer without one is refused.",
    )
    return chosen


class Imitation(MethodBase):
    """Imitation prompt: naive, with the supervisor's label at the end of every text (Burns et al. 2023, appendix E.3).

    “I think this is LABEL. What do you think?” follows the text that the student reads, in training and at test time, so that its
    supervisor's errors are as easy to imitate as possible. The ceiling reads the text alone. A text above the longest text is
    truncated, and then lacks the label.
    """

    short: ClassVar[str] = "Imitation"
    label_source: ClassVar[str] = "weak labels in the text"
    kind: Literal["imitation"] = Field("imitation", title="Imitation prompt")


class ZeroShot(MethodBase):
    """Zero-shot prompting: a decoder is prompted, not trained (Burns et al. 2023, section 5.2.1). The prompt's words are ours.

    The prompt has the text and the numbers of the classes with their names; probabilities are those of the numbers as next token.
    Where answers are written it is the data set's prompt alone.
    """

    short: ClassVar[str] = "Zero-shot"
    label_source: ClassVar[str] = "no labels, only a prompt"
    kind: Literal["zero-shot"] = Field("zero-shot", title="Zero-shot prompt")
    format: Format = format_field()


class FewShot(MethodBase):
    """Few-shot prompting: a decoder is prompted with some labelled examples (Burns et al. 2023, section 5.2.1).

    The seed draws the examples from half B, equally many of each label, and their order. The prompt's words are ours; all texts
    are truncated so that the whole prompt fits the longest text. Where answers are written the examples stand before the prompt
    with their answers, and nothing is truncated.
    """

    short: ClassVar[str] = "Few-shot"
    label_source: ClassVar[str] = "some examples in the prompt"
    kind: Literal["few-shot"] = Field("few-shot", title="Few-shot prompt")
    shots: int = Field(5, ge=1, le=64, title="Examples", description="Number of examples in the prompt.")
    labels: Literal["truth", "weak"] = Field(
        "weak", title="Their labels", description="Weak: the supervisor’s. Truth: the ground truth of these rows."
    )
    format: Format = format_field()


Prompt = Imitation | ZeroShot | FewShot
