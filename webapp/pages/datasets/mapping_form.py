"""The form that says which columns of an upload are what, and the form that names what came of it."""

import json
from collections.abc import Mapping as Fields
from dataclasses import dataclass, field
from typing import Any

from django.http import QueryDict
from pydantic import ValidationError

from training.base_models import Frozen
from training.catalog.column_mapping import Labelled, Mapping, Pair, place_of, problems_of, template_of
from training.catalog.dataset_card import About
from training.catalog.datasets import MOST_CLASSES
from training.command_output import Column, Preview
from training.spec import describe

KINDS: dict[str, type[Frozen]] = {"labelled": Labelled, "pair": Pair}
TEXTS = ("text", "body", "sentence", "content", "comment", "prompt", "review")
LABELS = ("label", "labels", "target", "class", "y", "is_correct", "sentiment")
ONES = ("1", "true", "yes", "positive", "pos", "toxic", "spam", "correct", "good")
GUESSES = {"chosen": ("chosen", "preferred", "good", "better"), "rejected": ("rejected", "other", "bad", "worse")}
CLASSES_HELP = (
    "One class in each line, class 0 first: a value of the label, or a name and its values, as in good = 4 | 5. "
    'What holds such signs itself stands in quotation marks: "a = b".'
)
PROMPTS = ("prompt", "question", "instruction", "context", "history", "query", "input")
"""Columns of a pair that hold what both replies answer."""
NO_LABEL = {"", "-1", "-100", "nan", "none", "null", "na", "n/a", "<na>", "nil"}
"""What data sets write where a label is missing."""
TEXT_TYPES = ("text", "string", "large_string")
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

    def __init__(self, look: Preview, sent: QueryDict | Fields[str, str], stored: Mapping | None = None) -> None:
        self.look = look
        data = _texts(stored) if stored else {}
        # Browsers send every end of a line as \r\n, also in the name of a column.
        self.data: dict[str, str] = data | {name: str(value).replace("\r\n", "\n") for name, value in sent.items()}
        self.kind = self.data.get("kind") or ("pair" if self._guess("chosen") and self._guess("rejected") else "labelled")
        self.kind = self.kind if self.kind in KINDS else "labelled"
        self.problems: dict[str, list[str]] = {}

    def mapping(self) -> Mapping | None:
        """What was asked for, or None with the problems at their fields."""
        content: dict[str, object] = {"kind": self.kind}
        names = {column.name for column in self.look.columns}
        for one in self.inputs:
            whole = one.value if one.value in names else one.value.replace("\\n", "\n")
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
    def templates(self) -> list[str]:
        """Each column as a text field names it."""
        return [template_of(column.name).replace("\n", "\\n") for column in self.look.columns]

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
            return "\n".join(map(quoted, self._values()))
        if name == "skip":
            return "yes" if self._missing() and "classes" not in self.data else ""
        return self._guess(name)

    @property
    def label(self) -> Column | None:
        chosen = self.data.get("label") or self._guess("label")
        return next((column for column in self.look.columns if column.name == chosen), None)

    def _values(self) -> list[str]:
        """The label's values in a likely order: numbers by size, and of two the one last that often means 1."""
        values = [value for value in self._labels() if value not in self._missing()]
        try:
            return sorted(values, key=float)
        except ValueError:
            return sorted(values, key=lambda value: value.lower() in ONES) if len(values) == 2 else values

    def _labels(self) -> list[str]:
        return list(dict.fromkeys(map(str.strip, (self.label.values or ()) if self.label else ())))

    def _missing(self) -> list[str]:
        """The label's values that probably say that there is none, if two others are left."""
        labels = self._labels()
        missing = [value for value in labels if value.lower() in NO_LABEL]
        return missing if len(labels) - len(missing) >= 2 else []

    def _seen(self) -> str:
        values = self._labels()
        seen = f" Seen in the first {self.look.looked_at:,} rows: {', '.join(values)}." if values else ""
        return seen + (f" Taken for no label: {', '.join(missing)}." if (missing := self._missing()) else "")

    def _guess(self, name: str) -> str:
        wanted = {"text": TEXTS, "label": LABELS, "group": GROUPS, **GUESSES}.get(name, ())
        names = {column.name.lower(): column.name for column in self.look.columns}
        found = next((names[one] for one in wanted if one in names), "")
        if name in GUESSES:
            return self._with_prompt(found) if found else ""
        if name == "group":
            return found or (self._prompt() if self.kind == "pair" else "")
        if found:
            return found if name == "label" else template_of(found)
        if name == "label":
            few = [column for column in self.look.columns if column.values and 2 <= len(column.values) <= MOST_CLASSES]
            return min(few, key=lambda column: len(column.values or ())).name if few else ""
        texts = [column for column in self.look.columns if column.type in TEXT_TYPES and column.values is None]
        # Of a file that was looked at before lengths were measured all are equal, and the first is taken.
        return template_of(max(texts, key=lambda column: column.length).name) if texts else ""

    def _prompt(self) -> str:
        names = {column.name.lower(): column.name for column in self.look.columns}
        return next((names[one] for one in PROMPTS if one in names), "")

    def _with_prompt(self, column: str) -> str:
        """The template of a reply after its prompt, unless the replies begin with it already."""
        prompt = self._prompt()
        if not prompt or prompt == column:
            return template_of(column)
        at, of = ([one.name for one in self.look.columns].index(name) for name in (column, prompt))
        begun = sum(bool(row[of].strip()) and row[at].lstrip().startswith(row[of].strip()) for row in self.look.rows)
        return template_of(column) if begun > len(self.look.rows) / 2 else f"{place_of(prompt)}\n\n{place_of(column)}"


def classes_of(text: str) -> list[dict[str, Any]]:
    """What the lines of the form say: a class that is called like its only value, or ``name = value | other value``."""
    found = []
    for line in filter(None, map(str.strip, text.split("\n"))):
        name, equals, rest = _first(line, " = ")
        values = []
        while rest:
            value, _, rest = _first(rest, "|")
            values += [value] if value else []
        found.append({"name": name, "values": values if equals else [name]})
    return found


def _first(line: str, sign: str) -> tuple[str, bool, str]:
    """What stands before ``sign``, which is nothing special in quotation marks; whether it comes, and what is after it."""
    if line.startswith('"'):
        try:
            value, end = json.JSONDecoder().raw_decode(line)
        except ValueError:
            end = 0
        rest = line[end:].strip()
        if end and (not rest or rest.startswith(sign.strip())):
            return str(value), bool(rest), rest[1:].strip()
    before, found, rest = f"{line} ".partition(sign)
    return before.strip(), bool(found), rest.strip()


def quoted(value: str) -> str:
    """A name or value as a line of the form says it: in quotation marks where it would be read as something else."""
    plain = value == value.strip() and not any(sign in value for sign in (" =", "|")) and not value.startswith('"')
    if plain and value.splitlines() == [value]:
        return value
    return json.dumps(value, ensure_ascii=len(value.splitlines()) > 1)


def _texts(stored: Mapping) -> dict[str, str]:
    """A mapping as the form sends it."""
    found = {name: value or "" for name, value in stored.root.model_dump(mode="json").items()}
    if isinstance(stored.root, Labelled):
        lines = [
            quoted(one.name) if one.values == (one.name,) else f"{quoted(one.name)} = {' | '.join(map(quoted, one.values))}"
            for one in stored.root.classes
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
