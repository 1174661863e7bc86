"""The form that says which columns of an upload are what, and the form that names what came of it."""

from collections.abc import Mapping as Fields
from dataclasses import dataclass, field
from typing import Any

from django.http import QueryDict
from pydantic import ValidationError

from training.catalog.datasets import MOST_CLASSES
from training.mapping import Labelled, Mapping, Pair, problems_of
from training.notices import Column, Looked
from training.shelving import About
from training.spec import Frozen, describe

KINDS: dict[str, type[Frozen]] = {"labelled": Labelled, "pair": Pair}
TEXTS = ("text", "body", "sentence", "content", "comment", "prompt", "review")
LABELS = ("label", "labels", "target", "class", "y", "is_correct", "sentiment")
ONES = ("1", "true", "yes", "positive", "pos", "toxic", "spam", "correct", "good")
GUESSES = {"chosen": ("chosen", "preferred", "good", "better"), "rejected": ("rejected", "other", "bad", "worse")}
CLASSES_HELP = "One class in each line, class 0 first: a value of the label, or a name and its values, as in good = 4 | 5."
GROUPS = ("group", "group_id", "prompt_id", "author", "user", "source_id")


@dataclass
class Input:
    """One field: ``choices`` are those of a select, empty for text; ``lines`` is the height of one for several values."""

    name: str
    title: str
    help: str
    value: str
    choices: list[tuple[str, str]] = field(default_factory=list)
    columns: list[str] = field(default_factory=list)
    lines: int = 0
    ticked: bool | None = None
    """Of a box to tick; None for every other kind of field."""
    problems: list[str] = field(default_factory=list)


class MappingForm:
    """Filled from what was sent or, where nothing was, from guesses by the names and values of the columns."""

    def __init__(self, look: Looked, sent: QueryDict | Fields[str, str], stored: Mapping | None = None) -> None:
        self.look = look
        data = _texts(stored) if stored else {}
        self.data: dict[str, str] = data | {name: str(value) for name, value in sent.items()}
        self.kind = self.data.get("kind") or ("pair" if self._guess("chosen") and self._guess("rejected") else "labelled")
        self.kind = self.kind if self.kind in KINDS else "labelled"
        self.problems: dict[str, list[str]] = {}

    def mapping(self) -> Mapping | None:
        """What was asked for, or None with the problems at their fields."""
        content: dict[str, object] = {"kind": self.kind}
        for one in self.inputs:
            whole = one.value.replace("\\n", "\n")
            content[one.name] = whole or (None if one.name == "group" else "")
            if one.lines:
                content[one.name] = classes_of(one.value)
            if one.ticked is not None:
                content[one.name] = one.ticked
        try:
            return Mapping.model_validate(content)
        except ValidationError as error:
            for problem in problems_of(error):
                name, _, within = problem.path.partition(".")
                line = f"Class {within.partition('.')[0]}: " if within else ""
                self.problems.setdefault(name, []).append(line + problem.message)
            return None

    @property
    def general(self) -> list[str]:
        """Messages that belong to no field."""
        return self.problems.get("", [])

    @property
    def inputs(self) -> list[Input]:
        names = [column.name for column in self.look.columns]
        found = []
        for name, info in KINDS[self.kind].model_fields.items():
            if name == "kind":
                continue
            one = Input(name, info.title or name, info.description or "", self._value(name), problems=self.problems.get(name, []))
            if name == "label":
                one.choices = [(column, column) for column in names]
            elif name == "group":
                one.choices = [("", "the same words"), *((column, column) for column in names)]
            elif name == "classes":
                one.lines = min(12, max(3, len(one.value.splitlines()) + 1))
                one.help = CLASSES_HELP + self._seen()
            elif name == "skip":
                one.ticked = bool(one.value)
            else:
                one.columns = names
                one.value = one.value.replace("\n", "\\n")
            found.append(one)
        return found

    def _value(self, name: str) -> str:
        if name in self.data:
            return self.data[name]
        if name == "classes":
            return "\n".join(self._values())
        return self._guess(name)

    @property
    def label(self) -> Column | None:
        chosen = self.data.get("label") or self._guess("label")
        return next((column for column in self.look.columns if column.name == chosen), None)

    def _values(self) -> list[str]:
        """The label's values in a likely order: numbers by size, and of two the one last that often means 1."""
        values = list(self.label.values or ()) if self.label else []
        if all(value.isdecimal() for value in values):
            return sorted(values, key=int)
        return sorted(values, key=lambda value: value.lower() in ONES) if len(values) == 2 else values

    def _seen(self) -> str:
        values = self.label.values if self.label else None
        return f" Seen in the first {self.look.looked_at:,} rows: {', '.join(values)}." if values else ""

    def _guess(self, name: str) -> str:
        wanted = {"text": TEXTS, "label": LABELS, "group": GROUPS, **GUESSES}.get(name, ())
        names = {column.name.lower(): column.name for column in self.look.columns}
        by_name = next((names[one] for one in wanted if one in names), "")
        if by_name or name not in ("text", "label"):
            return by_name
        few = sorted(
            (column for column in self.look.columns if column.values and 2 <= len(column.values) <= MOST_CLASSES),
            key=lambda column: len(column.values or ()),
        )
        texts = [
            column.name
            for column in self.look.columns
            if column.type in ("text", "string", "large_string") and column.values is None
        ]
        return next(iter([column.name for column in few] if name == "label" else texts), "")


def classes_of(text: str) -> list[dict[str, Any]]:
    """What the lines of the form say: a class that is called like its only value, or ``name = value | other value``."""
    found = []
    for line in filter(None, map(str.strip, text.splitlines())):
        name, equals, values = (part.strip() for part in f"{line} ".partition(" = "))
        found.append({"name": name, "values": [one.strip() for one in values.split("|") if one.strip()] if equals else [name]})
    return found


def _texts(stored: Mapping) -> dict[str, str]:
    """A mapping as the form sends it."""
    found = {name: value or "" for name, value in stored.root.model_dump(mode="json").items()}
    if isinstance(stored.root, Labelled):
        lines = [
            one.name if one.values == (one.name,) else f"{one.name} = {' | '.join(one.values)}" for one in stored.root.classes
        ]
        found |= {"classes": "\n".join(lines), "skip": "yes" if stored.root.skip else ""}
    return found


class AboutForm:
    """What only a person knows of a data set."""

    def __init__(self, sent: Fields[str, str]) -> None:
        self.data = {name: str(value).strip() for name, value in sent.items()}
        self.problems: dict[str, list[str]] = {}

    def about(self) -> About | None:
        content = {name: self.data.get(name, "") for name in About.model_fields}
        try:
            return About.model_validate(content)
        except ValidationError as error:
            for problem in describe(error.errors()):
                self.problems.setdefault(problem.path, []).append(problem.message)
            return None

    @property
    def inputs(self) -> list[Input]:
        return [
            Input(name, info.title or name, info.description or "", self.data.get(name, ""), problems=self.problems.get(name, []))
            for name, info in About.model_fields.items()
        ]
