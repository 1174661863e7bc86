"""What the author of a result page chooses. What a reader has to know is no choice."""

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

Examples = Literal["none", "some", "all"]

Text = Annotated[str, AfterValidator(lambda text: text.replace("\x00", "").encode(errors="ignore").decode())]
"""Without the one character that PostgreSQL keeps in no text, and without halves of characters, which JSON can have."""


class Highlight(BaseModel):
    """A test example that the author shows, and why."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    example: Annotated[int, Field(ge=0, le=2**53)]
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
