"""The author's choices for a report. Limitations are not among them."""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer

from webapp.parsing import whole

Examples = Literal["none", "some", "all"]

Text = Annotated[str, AfterValidator(lambda text: text.replace("\x00", "").encode(errors="ignore").decode())]
"""Text without NUL, which PostgreSQL cannot store, and without unpaired surrogates, which JSON can contain."""


def _number(value: Any) -> int:
    number = whole(value)
    if number is None:
        raise ValueError("An example is given by its number, from 0 to 2^63 - 1, in digits.")
    return number


ExampleNumber = Annotated[
    int,
    BeforeValidator(_number, json_schema_input_type=str | int),
    PlainSerializer(str, return_type=str, when_used="json"),
]
"""A number of 63 bits, a string in JSON since many programs round numbers beyond 2^53. A JSON integer is accepted too."""


class Highlight(BaseModel):
    """A test example that the author shows, with a note."""

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
    """Freezing opens the locked test set. A live page never does."""
    examples: Examples = "some"
    """The texts of the data set that readers may see: none, the highlights, or all."""
    highlights: Annotated[tuple[Highlight, ...], Field(max_length=24)] = ()
