"""How the columns of somebody's file become texts with two classes: typed, so that form, API and command line agree."""

import re
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, RootModel, ValidationError, model_validator

from training.spec import Frozen, Problem, describe

PLACE = re.compile(r"\{([^{}]+)\}")


def as_text(value: Any) -> str:
    """A value of a file as it is compared and shown: nothing for None, true and false for booleans, 1 for 1.0."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    return repr(value).removesuffix(".0") if isinstance(value, float) else str(value)


def columns_of(template: str) -> tuple[str, ...]:
    """The columns that a text is made of: those in braces, or the one column that it names."""
    return tuple(dict.fromkeys(PLACE.findall(template))) or (template,)


def fill(template: str, row: dict[str, str]) -> str:
    """The text of one row: columns put in their places, or the one column that ``template`` names."""
    return PLACE.sub(lambda place: row[place[1]], template) if PLACE.search(template) else row[template]


Value = Annotated[str, BeforeValidator(as_text)]
Values = Annotated[tuple[Value, ...], Field(min_length=1, max_length=100)]
Template = Annotated[str, Field(min_length=1, max_length=10_000)]

TEXT_HELP = "A column, or several in a template such as {title}\\n{body}, where \\n begins a new line."
GROUP_HELP = "Rows with the same value never part company in a split; empty for rows with the same words."


class Labelled(Frozen):
    """Each row is one text with a label."""

    kind: Literal["labelled"] = Field("labelled", title="A text and its label")
    text: Template = Field(title="Text", description=TEXT_HELP)
    label: str = Field(min_length=1, title="Label", description="The column that says the class.")
    one: Values = Field(title="Values that mean 1")
    zero: Values = Field(title="Values that mean 0")
    group: str | None = Field(None, title="Group", description=GROUP_HELP)

    @model_validator(mode="after")
    def distinct(self) -> Self:
        if both := set(self.one) & set(self.zero):
            raise ValueError(f"“{min(both)}” cannot mean both 1 and 0.")
        return self

    @property
    def columns(self) -> tuple[str, ...]:
        """Those that are read."""
        return tuple(dict.fromkeys([*columns_of(self.text), self.label, *filter(None, [self.group])]))

    @property
    def meanings(self) -> tuple[str, str]:
        """What 0 and 1 mean."""
        return ", ".join(self.zero), ", ".join(self.one)


class Pair(Frozen):
    """Each row is two texts of which one was preferred, for reward models."""

    kind: Literal["pair"] = Field("pair", title="A preferred and a rejected text")
    chosen: Template = Field(title="Preferred text", description=TEXT_HELP)
    rejected: Template = Field(title="Rejected text", description=TEXT_HELP)
    group: str | None = Field(None, title="Group", description=GROUP_HELP)

    @property
    def columns(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys([*columns_of(self.chosen), *columns_of(self.rejected), *filter(None, [self.group])]))

    @property
    def meanings(self) -> tuple[str, str]:
        return "the second is preferred", "the first is preferred"


class Mapping(RootModel[Annotated[Labelled | Pair, Field(discriminator="kind")]]):
    """Either of the two; JSON with its ``kind``."""


def problems_of(error: ValidationError) -> list[Problem]:
    """What is wrong with a mapping; a path is a field, such as label or one.0, and empty for the whole."""
    kinds = {Labelled.model_fields["kind"].default, Pair.model_fields["kind"].default}
    found = []
    for problem in describe([dict(one) for one in error.errors()]):
        first, _, rest = problem.path.partition(".")
        found.append(Problem(rest if first in kinds else problem.path, problem.message))
    return found
