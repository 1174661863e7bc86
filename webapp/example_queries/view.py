"""Views of the examples: models, rows and their order, parsed from a query string and printed to one."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal
from urllib.parse import urlencode

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, model_validator

from webapp.parsing import LARGEST, decimal, whole

SEATS = ("weak", "student", "ceiling")
"""The three models of a view, by the role that sits there unless another model of the experiment was chosen."""

CELLS = range(1, 9)
"""Numbers of the cells in reading order: 1 + 4 (weak wrong) + 2 (student wrong) + (ceiling wrong)."""

RANGES = {
    "weak": "weak_conf",
    "student": "student_conf",
    "ceiling": "ceiling_conf",
    "shift": "shift",
    "weak_log": "weak_log",
    "student_log": "student_log",
    "ceiling_log": "ceiling_log",
    "difficulty": "difficulty",
    "flip": "flip",
    "length": "length",
}
"""Dimensions that can be brushed, with their columns; ``<name>_min`` and ``<name>_max`` are the two ends.

A table has those of its kind: confidences with classes, log-probabilities with written answers.
"""

LABELS = tuple(f"{seat}_label" for seat in SEATS)
"""Settings of the label that each model gives."""

PLANE = ("x", "y")
"""The two coordinates of the map, with ends like those of a range: a rectangle."""

NOWHERE: dict[str, None] = {f"{name}_{end}": None for name in PLANE for end in ("min", "max")}
"""The change that takes a view's rectangle away."""

Column = Literal["gold", "shift", "difficulty", "flip", "length", "group", "tags"]
COLUMNS: tuple[Column, ...] = ("gold", "tags")
"""Columns of a list beside text and answers, unless others are chosen."""

Sort = Literal[
    "disagreement", "corrections", "regressions", "blind", "errors", "sure", "unsure", "hardest", "easiest", "length", "id"
]
Mode = Literal["words", "phrase", "regex"]
LONGEST_SEARCH = 200

Key = Annotated[str, StringConstraints(pattern=r"^([0-9a-f]{8,64})?$")]
Tag = Annotated[str, StringConstraints(pattern=r"^[\w][\w .,:/+-]{0,39}$")]
Label = Annotated[int | None, Field(ge=0, le=1000)]
Share = Annotated[float | None, Field(ge=0, le=1, allow_inf_nan=False)]
Count = Annotated[int | None, Field(ge=0, le=2**40)]
Coordinate = Annotated[float | None, Field(ge=-1e9, le=1e9, allow_inf_nan=False)]
Number = Annotated[float | None, Field(allow_inf_nan=False)]


def _ordered(values: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple(sorted(set(values)))


def _cursor(text: str) -> str:
    if text and cursor_of(text) is None:
        raise ValueError("This is no place in the list: start from its first page.")
    return text


def cursor_of(text: str) -> tuple[float, int] | None:
    """Return order and id of the row after which a page begins."""
    order, _, example = text.partition(":")
    number, row = decimal(order), whole(example, low=-LARGEST - 1)
    return None if number is None or row is None else (number, row)


class View(BaseModel):
    """All settings of a page of examples. Filters combine; an empty one selects everything."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    weak: Key = ""
    """The beginning of a run's key; empty for the model that the experiment shows first."""
    student: Key = ""
    ceiling: Key = ""
    split: Literal["test", "transfer"] = "test"
    cell: Annotated[tuple[Annotated[int, Field(ge=1, le=8)], ...], AfterValidator(_ordered)] = ()
    gold: Label = None
    weak_label: Label = None
    """The label that the model in a seat gives."""
    student_label: Label = None
    ceiling_label: Label = None
    weak_min: Share = None
    weak_max: Share = None
    student_min: Share = None
    student_max: Share = None
    ceiling_min: Share = None
    ceiling_max: Share = None
    shift_min: Share = None
    shift_max: Share = None
    weak_log_min: Number = None
    """Log-probabilities of written answers, in nats."""
    weak_log_max: Number = None
    student_log_min: Number = None
    student_log_max: Number = None
    ceiling_log_min: Number = None
    ceiling_log_max: Number = None
    difficulty_min: Number = None
    difficulty_max: Number = None
    flip_min: Count = None
    flip_max: Count = None
    length_min: Count = None
    length_max: Count = None
    x_min: Coordinate = None
    """A rectangle of the map: first and second principal component of the features of the model in the student's seat."""
    x_max: Coordinate = None
    y_min: Coordinate = None
    y_max: Coordinate = None
    map: Literal["hidden", "shown"] = "hidden"
    group: Annotated[int | None, Field(ge=-(2**63), lt=2**63)] = None
    tag: Annotated[tuple[Tag, ...], AfterValidator(_ordered), Field(max_length=8)] = ()
    q: Annotated[str, Field(max_length=LONGEST_SEARCH)] = ""
    mode: Mode = "words"
    sort: Sort = "disagreement"
    column: tuple[Column, ...] = COLUMNS
    after: Annotated[str, StringConstraints(max_length=60), AfterValidator(_cursor)] = ""
    """The start of the page: order and id of the last row before it."""

    @model_validator(mode="after")
    def _no_range_backwards(self) -> "View":
        for name in (*RANGES, *PLANE):
            low, high = self.ends(name)
            if low is not None and high is not None and low > high:
                raise ValueError(f"The range of {name} ends before it begins.")
        return self

    @classmethod
    def parse(cls, lists: Mapping[str, Sequence[str]]) -> "View":
        """Return the view of the lists of a query string; empty values are left out. Raises pydantic.ValidationError."""
        settings: dict[str, Any] = {}
        for name, values in lists.items():
            given = [value for value in values if value.strip()]
            if given:
                settings[name] = given if name in ("cell", "tag", "column") else given[-1]
        return cls.model_validate(settings)

    def query(self) -> str:
        """Return the query string without defaults; View.parse of it is this view again."""
        pairs = {name: value for name, value in self.model_dump(exclude_defaults=True).items() if value not in (None, "", ())}
        written = {name: f"{value:.10g}" if isinstance(value, float) else value for name, value in pairs.items()}
        return urlencode(written, doseq=True)

    def but(self, **changes: Any) -> "View":
        """Return the first page of this view with these changes."""
        return View.model_validate(self.model_dump() | {"after": ""} | changes)

    def without(self, name: str) -> "View":
        """Return the first page of this view without the setting, or the two ends, called ``name``."""
        if name == "map":
            return self.but(**NOWHERE)
        names = [f"{name}_min", f"{name}_max"] if name in RANGES else [name]
        return self.but(**{field: View.model_fields[field].default for field in names})

    def ends(self, name: str) -> tuple[float | None, float | None]:
        return getattr(self, f"{name}_min"), getattr(self, f"{name}_max")

    def label_of(self, seat: str) -> int | None:
        """Return the label that the model in ``seat`` gives in this view, None for any."""
        label: int | None = getattr(self, f"{seat}_label")
        return label

    def brushed(self, name: str) -> bool:
        return self.ends(name) != (None, None)

    @property
    def framed(self) -> bool:
        """Return whether a rectangle of the map is chosen."""
        return any(self.brushed(name) for name in PLANE)

    @property
    def mapped(self) -> bool:
        """Return whether the map is needed."""
        return self.map == "shown" or self.framed

    @property
    def rows(self) -> "View":
        """The part of the view that selects rows of a table."""
        ends = {f"{name}_{end}" for name in (*RANGES, *PLANE) for end in ("min", "max")}
        return View.model_validate(self.model_dump(include={"cell", "gold", *LABELS, "group", "tag", "q", "mode", *ends}))

    @property
    def page(self) -> "View":
        """The part of the view that selects the rows of a page and their order."""
        return self.rows.model_copy(update={"sort": self.sort, "after": self.after})

    @property
    def filtered(self) -> bool:
        """Return whether anything but a cell narrows the view."""
        rest = self.but(cell=(), sort="disagreement", column=COLUMNS, map="hidden", weak="", student="", ceiling="")
        return rest.but(split="test") != View()
