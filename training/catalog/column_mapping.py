"""The mapping from the columns of an imported file to examples, shared by form, API and command line."""

import re
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, RootModel, ValidationError, ValidationInfo, field_validator

from training.answers import RESERVED, AnswerRule
from training.base_models import Requested
from training.catalog.bundles import ARRAY_NAME, ARRAY_RULE, FEWEST_OF_CLASS, MOST_ARRAYS
from training.catalog.datasets import MOST_CLASSES
from training.spec import Problem, describe

PLACE = re.compile(r"\{((?:\\[{}]|[^{}])+)\}")
"""A column in a template; braces in its own name are escaped by a backslash."""


def as_text(value: Any) -> str:
    """Return a value of a file as text: nothing for None, true and false for booleans, 1 for 1.0."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    return repr(value).removesuffix(".0") if isinstance(value, float) else str(value)


def columns_of(template: str) -> tuple[str, ...]:
    """Return the columns of a template: those in braces, or the single column that it names."""
    return tuple(dict.fromkeys(map(_name, PLACE.findall(template)))) or (template,)


def fill(template: str, row: dict[str, str]) -> str:
    """Return the text of one row: the template with its columns filled in, or the single column that it names."""
    return PLACE.sub(lambda place: row[_name(place[1])], template) if PLACE.search(template) else row[template]


def place_of(column: str) -> str:
    """Return ``column`` as it is written in a template."""
    return "{" + re.sub(r"[{}]", r"\\\g<0>", column) + "}"


def template_of(column: str) -> str:
    """Return the template of one column: its name, unless that reads like a template itself."""
    return place_of(column) if PLACE.search(column) else column


def _name(place: str) -> str:
    return re.sub(r"\\([{}])", r"\1", place)


Value = Annotated[str, BeforeValidator(as_text)]
Values = Annotated[tuple[Value, ...], Field(min_length=1, max_length=100)]
Template = Annotated[str, Field(min_length=1, max_length=10_000)]

TEXT_HELP = "A column, or several in a template such as {title}\\n{body}, where \\n begins a new line."
GROUP_HELP = "Rows with the same value never part company in a split; empty for rows with the same words."
IMAGE_GROUP_HELP = "Rows with the same value never part company in a split; empty for rows with the same pixels."
CLASSES_HELP = "In order: the first is class 0."
SKIP_HELP = "Rows whose label is missing or not listed are left out and counted. Otherwise the first one is an error."


class Class(Requested):
    """A class: its name, and the values of the label that mean it."""

    name: str = Field(min_length=1, max_length=120)
    values: Values


def distinct_classes(classes: tuple[Class, ...]) -> tuple[Class, ...]:
    """Return the classes. Raises ValueError for too few or too many, and where a name or a value has two meanings."""
    if len(classes) < 2:
        raise ValueError("At least two classes are needed.")
    if len(classes) > MOST_CLASSES:
        raise ValueError(f"There are {len(classes)} classes, and at most {MOST_CLASSES} can be told apart.")
    meaning: dict[str, str] = {}
    for class_ in classes:
        if class_.name in meaning.values():
            raise ValueError(f"Two classes are called “{class_.name}”.")
        for value in class_.values:
            if value in meaning:
                raise ValueError(f"“{value}” cannot mean both {meaning[value]} and {class_.name}.")
        meaning |= dict.fromkeys(class_.values, class_.name)
    return classes


class Labelled(Requested):
    """Rows of one text with a label."""

    kind: Literal["labelled"] = Field("labelled", title="A text and its label")
    text: Template = Field(title="Text", description=TEXT_HELP)
    label: str = Field(min_length=1, title="Label", description="The column that says the class.")
    classes: tuple[Class, ...] = Field(title="Classes", description=CLASSES_HELP)
    skip: bool = Field(False, title="Leave out other labels", description=SKIP_HELP)
    group: str | None = Field(None, title="Group", description=GROUP_HELP)

    distinct = field_validator("classes")(distinct_classes)

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that are read."""
        return tuple(dict.fromkeys([*columns_of(self.text), self.label, *filter(None, [self.group])]))

    @property
    def class_names(self) -> tuple[str, ...]:
        """The names of the classes, from 0."""
        return tuple(class_.name for class_ in self.classes)


class Pictured(Requested):
    """Rows of an image with a label."""

    kind: Literal["image"] = Field("image", title="An image and its label")
    image: str = Field(min_length=1, title="Image", description="The column with the images; in a zip, image.")
    label: str = Field(
        min_length=1, title="Label", description="The column that says the class; in a zip, folder: the last folder of its path."
    )
    classes: tuple[Class, ...] = Field(title="Classes", description=CLASSES_HELP)
    skip: bool = Field(False, title="Leave out other labels", description=SKIP_HELP)
    skip_broken: bool = Field(
        False,
        title="Leave out images that cannot be read",
        description="They are left out and counted, and the first of them are named. Otherwise the first one is an error.",
    )
    group: str | None = Field(None, title="Group", description=IMAGE_GROUP_HELP)
    split: str | None = Field(
        None,
        title="Split",
        description="The column that says train, test or locked for each image; in a zip, parent: the folder above that of the "
        "class. Empty for a split that is drawn.",
    )
    test_rows: int | None = Field(
        None,
        ge=1,
        le=1_000_000,
        title="Images to test",
        description="So many images are the test set, and all others are trained on: the last ones of a permutation of all rows "
        "by NumPy’s default_rng. The rows of a zip are ordered by their paths. Empty for a test set by the settings of each "
        "experiment.",
    )
    test_seed: int = Field(0, ge=0, le=2**31 - 1, title="Seed of that permutation")

    distinct = field_validator("classes")(distinct_classes)

    @field_validator("test_rows")
    @classmethod
    def single_split(cls, test_rows: int | None, info: ValidationInfo) -> int | None:
        if test_rows is not None and info.data.get("split"):
            raise ValueError("Either a column says the split, or so many images are drawn: leave one of them empty.")
        return test_rows

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that are read beside the image."""
        return tuple(dict.fromkeys([self.label, *filter(None, [self.group, self.split])]))

    @property
    def class_names(self) -> tuple[str, ...]:
        return tuple(class_.name for class_ in self.classes)


class Pair(Requested):
    """Rows of two texts of which one was preferred, for reward models."""

    kind: Literal["pair"] = Field("pair", title="A preferred and a rejected text")
    chosen: Template = Field(title="Preferred text", description=TEXT_HELP)
    rejected: Template = Field(title="Rejected text", description=TEXT_HELP)
    group: str | None = Field(None, title="Group", description=GROUP_HELP)

    @property
    def columns(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys([*columns_of(self.chosen), *columns_of(self.rejected), *filter(None, [self.group])]))

    @property
    def class_names(self) -> tuple[str, ...]:
        return "the second is preferred", "the first is preferred"


class Answered(Requested):
    """Rows of a prompt with one or several accepted answers, for models that write."""

    kind: Literal["answers"] = Field("answers", title="A prompt and its answer")
    prompt: Template = Field(title="Prompt", description=TEXT_HELP)
    answers: str = Field(
        min_length=1,
        title="Answers",
        description="The column with the accepted answer, or with a list of several in JSON lines and Parquet. The first one is "
        "trained on.",
    )
    separator: str | None = Field(
        None,
        min_length=1,
        max_length=10,
        title="Separator",
        description="Between several accepted answers in one value, such as |; empty where a value is one answer.",
    )
    rule: AnswerRule = AnswerRule()
    longest: int = Field(
        1_000,
        ge=1,
        le=100_000,
        title="Longest answer",
        description="In characters. Models are trained on whole answers, and write no longer ones than their context allows.",
    )
    skip: bool = Field(
        False,
        title="Leave out rows without such an answer",
        description="Rows whose answer is empty or too long, or in which the rule finds nothing, are left out and counted. "
        "Otherwise they are an error.",
    )
    difficulty: str | None = Field(None, title="Difficulty", description="A column of numbers, higher for harder rows.")
    group: str | None = Field(None, title="Group", description=GROUP_HELP)
    keep: tuple[str, ...] = Field(
        (), max_length=50, title="Further columns", description="Columns that are kept by their names and shown with an example."
    )

    @field_validator("keep")
    @classmethod
    def free(cls, keep: tuple[str, ...]) -> tuple[str, ...]:
        for column in keep:
            if column.casefold() in RESERVED:
                raise ValueError(f"“{column}” has a meaning of its own in a data set: rename the column to keep it.")
            if sum(column.casefold() == other.casefold() for other in keep) > 1:
                raise ValueError(f"“{column}” is kept twice.")
        return keep

    @property
    def columns(self) -> tuple[str, ...]:
        return tuple(
            dict.fromkeys([*columns_of(self.prompt), self.answers, *filter(None, [self.difficulty, self.group]), *self.keep])
        )

    @property
    def class_names(self) -> tuple[str, ...]:
        """No classes."""
        return ()


class Features(Requested):
    """Rows of features with a label: a feature bundle."""

    kind: Literal["features"] = Field("features", title="Features and their label")
    arrays: Annotated[tuple[str, ...], Field(min_length=1, max_length=MOST_ARRAYS)] = Field(
        title="Arrays",
        description="Arrays of features, one in each line. Each is a model of the experiments: weak and strong features need "
        "two.",
    )
    truth: str = Field("truth", min_length=1, title="Truth", description="The array or column with the class of each row.")
    names: str | None = Field(
        None, title="Class names", description="An array with the name of each class, where the truth has their numbers from 0."
    )
    id: str | None = Field(None, title="Row id", description="Shown where a text would be; empty for the number of the row.")
    group: str | None = Field(
        None,
        title="Group",
        description="Rows with the same value never part company in a split; empty for rows with equal features.",
    )
    split: str | None = Field(
        None,
        title="Split",
        description="train, test or locked for each row; empty for a split that the laboratory draws. Halves are always drawn.",
    )
    skip: bool = Field(
        False,
        title="Leave out small classes",
        description=f"Rows of classes with fewer than {FEWEST_OF_CLASS} rows, or without a class, are left out and counted. "
        "Otherwise they are an error.",
    )

    @field_validator("arrays")
    @classmethod
    def can_be_models(cls, arrays: tuple[str, ...]) -> tuple[str, ...]:
        for name in arrays:
            if not ARRAY_NAME.fullmatch(name):
                raise ValueError(f"“{name[:60]}” cannot be the name of an array of features: {ARRAY_RULE}.")
            if sum(name.casefold() == other.casefold() for other in arrays) > 1:
                raise ValueError(f"“{name}” is named twice.")
        return arrays

    @property
    def class_names(self) -> tuple[str, ...]:
        """No names: they are those of the file."""
        return ()


class Mapping(RootModel[Annotated[Labelled | Pair | Answered | Features | Pictured, Field(discriminator="kind")]]):
    """A mapping of any kind; its JSON has the ``kind``."""


def problems_of(error: ValidationError) -> list[Problem]:
    """Return the problems of a mapping; a path is a field, such as label or classes.0.values, and empty for the whole."""
    kinds = {kind.model_fields["kind"].default for kind in (Labelled, Pair, Answered, Features, Pictured)}
    problems = []
    for problem in describe([dict(details) for details in error.errors()]):
        first, _, rest = problem.path.partition(".")
        problems.append(Problem(rest if first in kinds else problem.path, problem.message))
    return problems
