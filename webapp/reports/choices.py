"""What the author of a result page chooses. What a reader has to know is no choice."""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer

from webapp.parsing import whole

Examples = Literal["none", "some", "all"]

Text = Annotated[str, AfterValidator(lambda text: text.replace("\x00", "").encode(errors="ignore").decode())]
"""Without the one character that PostgreSQL keeps in no text, and without halves of characters, which JSON can have."""


def _number(value: Any) -> int:
    number = whole(value)
    if number is None:
        raise ValueError("An example is named by its number, from 0 to 2^63 - 1, in digits.")
    return number


ExampleNumber = Annotated[
    int,
    BeforeValidator(_number, json_schema_input_type=str | int),
    PlainSerializer(str, return_type=str, when_used="json"),
]
"""Of 63 bits, and so a string in JSON: many programs round numbers beyond 2^53. A whole number is taken as it is written."""


class Highlight(BaseModel):
    """A test example that the author shows, and why."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    example: ExampleNumber
    note: Annotated[Text, Field(max_length=500)] = ""


class Choices(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    title: Annotated[Text, Field(max_length=200)] = ""
    """Empty for the experiment's name."""
    authors: Annotated[Text, Field(max_length=500)] = ""
    """Empty for the name of the experiment's owner."""
    notes: Annotated[Text, Field(max_length=20_000)] = ""
    """Markdown with maths between dollar signs."""
    curves: bool = True
    locked: bool = True
    """Whether freezing opens the locked test set. A live page never does."""
    examples: Examples = "some"
    """Which texts of the data set readers may see: none, the highlights, or all."""
    highlights: Annotated[tuple[Highlight, ...], Field(max_length=24)] = ()
